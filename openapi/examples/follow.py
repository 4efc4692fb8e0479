"""Posts a message and follows the room from there, through every break of the line:
pip install httpx httpx-sse && python3 follow.py [http://127.0.0.1:3000/api/v1/rooms/general]"""

import sys
import time

import httpx
from httpx_sse import connect_sse

address = sys.argv[1] if sys.argv[1:] else "http://127.0.0.1:3000/api/v1/rooms/general"
# A ping comes after 15 seconds of silence: a line that is silent for longer is dead.
room = httpx.Client(base_url=address, timeout=30)
posted = room.post("/messages", json={"username": "Python", "content": "Hello from Python"})
cursor = posted.raise_for_status().json()["id"]
print(f"posted {cursor}", flush=True)
while True:
    try:
        with connect_sse(room, "GET", "/stream", headers={"Last-Event-ID": str(cursor)}) as stream:
            for event in stream.iter_sse():
                if event.event == "chat_message":
                    message = event.json()["message"]
                    print(f"{message['username']}: {message['content']}", flush=True)
                cursor = event.id or cursor
    except httpx.HTTPError as error:
        print(f"{error}: trying again", file=sys.stderr)
    time.sleep(1)
