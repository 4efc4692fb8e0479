"""Posts a message and follows the room from there, through every break of the line:
python3 follow.py [http://127.0.0.1:3000] [general]"""

import json
import sys
import time
import urllib.parse
import urllib.request

server, name = (sys.argv[1:] + ["http://127.0.0.1:3000", "general"][len(sys.argv) - 1 :])[:2]
room = f"{server}/api/v1/rooms/{name}"
form = urllib.parse.urlencode({"username": "Python", "content": "Hello from Python"}).encode()
cursor = json.load(urllib.request.urlopen(f"{room}/messages", form))["id"]
print(f"posted {cursor}", flush=True)
while True:
    request = urllib.request.Request(f"{room}/stream", headers={"Last-Event-ID": str(cursor)})
    try:
        # A ping comes after 15 seconds of silence: a line that is silent for longer is dead.
        for line in urllib.request.urlopen(request, timeout=30):
            if not line.startswith(b"data: "):
                continue
            event = json.loads(line.removeprefix(b"data: "))
            if event["type"] == "chat_message":
                print(f"{event['message']['username']}: {event['message']['content']}", flush=True)
            cursor = event.get("id", cursor)
    except OSError as error:
        print(f"{error}: trying again", file=sys.stderr)
    time.sleep(1)
