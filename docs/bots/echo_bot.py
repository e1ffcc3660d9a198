"""Answers every question in its rooms: PARTA=https://school.example PARTA_TOKEN=… python3 echo_bot.py"""
import json, os, urllib.request

def ask(path, body=None, key=None):
    headers = {"Authorization": "Bearer " + os.environ["PARTA_TOKEN"], "Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
    request = urllib.request.Request(os.environ["PARTA"] + "/api/bot/v1" + path, body and json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request, timeout=60))

room = ask("/rooms")["rooms"][0]
while True:
    heard = ask(f"/rooms/{room['id']}/messages?after={room['position']}&wait=25")
    for message in heard["messages"]:
        if message["text"].endswith("?"):
            ask(f"/rooms/{room['id']}/messages", {"text": "Хороший вопрос: " + message["text"].rstrip("?")}, message["id"])
    room["position"] = heard["after"]
