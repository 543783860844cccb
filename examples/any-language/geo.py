# An actor in Python: reads a request on each line of its standard input, writes the answer as a line of its standard output.
# Both are JSON-RPC 2.0. Nothing but Python's own library is needed; standard error is free, and goes to `copal logs`.
import json
import sys

PLACES = {"Rome": [41.9, 12.5], "Quito": [-0.2, -78.5], "Tokyo": [35.7, 139.7]}


def lookup(place):
    if place not in PLACES:
        # What is raised here rejects the caller with code, message and data; this program goes on.
        raise LookupError({"code": 404, "message": f"there is no {place}", "data": {"known": sorted(PLACES)}})
    return {"place": place, "lat": PLACES[place][0], "lon": PLACES[place][1]}


def nearest(lat, lon):
    return min(PLACES, key=lambda place: abs(PLACES[place][0] - lat) + abs(PLACES[place][1] - lon))


METHODS = {"lookup": lookup, "nearest": nearest}


def say(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def answer(method, params):
    if method not in METHODS:
        return {"error": {"code": -32601, "message": "Method not found"}}
    try:
        # Arguments come as a list; a single object comes as parameters by name.
        return {"result": METHODS[method](**params) if isinstance(params, dict) else METHODS[method](*params)}
    except LookupError as error:
        return {"error": error.args[0]}
    except TypeError as error:
        return {"error": {"code": -32602, "message": str(error)}}


# What is told without being asked is a call of the actor that `to` names: here, stats.started("geo").
say({"method": "started", "params": ["geo"]})

for line in sys.stdin:
    request = json.loads(line)
    reply = answer(request["method"], request.get("params", []))
    if "id" in request:
        say({"id": request["id"], **reply})
