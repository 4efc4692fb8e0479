#!/bin/sh
# Posts a message and follows the room from there, through every break of the line:
# sh follow.sh [http://127.0.0.1:3000/api/v1/rooms/general]
room=${1:-http://127.0.0.1:3000/api/v1/rooms/general}
posted=$(curl -fsS -d username=curl --data-urlencode content='Hello from curl' "$room/messages") || exit
cursor=$(mktemp)
trap 'rm -f "$cursor"' EXIT
printf %s "$posted" | sed 's/^{"id":\([0-9]*\),.*/\1/' >"$cursor"
echo "posted $(cat "$cursor")"
while true; do
  curl -NsS -H "Last-Event-ID: $(cat "$cursor")" "$room/stream" | while IFS= read -r line; do
    case $line in
      'id: '*) id=${line#id: } ;;
      'data: {"type":"chat_message"'*) printf '%s\n' "${line#data: }" ;;
      # The empty line ends an event: only now it has been seen.
      '') [ -z "$id" ] || echo "$id" >"$cursor" ;;
    esac
  done
  sleep 1
done
