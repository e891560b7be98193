"""Has made-up calls reach what is there: most ids that schemathesis makes up are replaced by ids that exist.

Reads DRAGONFLY_URL and DRAGONFLY_TOKEN. What is no UUID is left as it was made up, and so is every fourth that is one.
"""

import os
import random
import re

import requests
import schemathesis

URL, TOKEN = os.environ["DRAGONFLY_URL"], os.environ["DRAGONFLY_TOKEN"]
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
SESSION = requests.Session()
SESSION.headers["Authorization"] = f"Bearer {TOKEN}"
# The same choices in every run.
CHOOSE = random.Random(1)


def get(path):
    answer = SESSION.get(URL + path, timeout=20)
    answer.raise_for_status()
    return answer.json()


def call(name, **fields):
    answer = SESSION.post(f"{URL}/rpc/{name}", json=fields, timeout=20)
    return answer.json() if answer.ok else None


JUDGMENTS = [row["id"] for row in get("/api/judgments?limit=100")["rows"]]
CASES = [case for case in (call("open_enforcement_case", judgment_id=judgment) for judgment in JUDGMENTS) if case]
assert CASES, "no case could be opened"
PLAINTIFFS = [call("set_next_action", case_id=case, next_action_at="2030-01-01")["plaintiff_id"] for case in CASES[:5]]
PAPER = SESSION.post(f"{URL}/api/cases/{CASES[0]}/documents?doc_kind=levy&file_name=a.pdf", data=b"%PDF-1.7\n", timeout=20).json()
EVENTS = [call("log_enforcement_event", case_id=case, event_kind="note", note="here") for case in CASES[:5]]
POOLS = get("/api/pools")
BY_FIELD = {
    "case_id": CASES,
    "judgment_id": JUDGMENTS,
    "plaintiff_id": PLAINTIFFS,
    "event_id": EVENTS,
    "pool_id": [pool["id"] for pool in POOLS["pools"]],
    "agent_id": [agent["id"] for agent in POOLS["agents"]],
}
BY_PATH = {
    "/api/cases/": CASES,
    "/api/judgments/": JUDGMENTS,
    "/api/documents/": [PAPER["id"]],
    "/api/tier-policies/": [policy["id"] for policy in get("/api/tier-policies")],
    "/api/pools/": BY_FIELD["pool_id"],
    "/api/agents/": BY_FIELD["agent_id"],
}
WORDS = {
    "stage": ["contact_validation", "asset_discovery", "bank_levy", "recovery_monitoring"],
    "event_kind": ["note", "blocked", "bank_levy_filed", "marshal_attempted", "case_stage_changed"],
}


def replaced(known, value):
    is_id = isinstance(value, str) and UUID.match(value)
    return CHOOSE.choice(known) if known and is_id and CHOOSE.random() < 0.75 else value


@schemathesis.hook
def before_call(context, case, kwargs):
    path = case.operation.path
    if isinstance(case.path_parameters, dict):
        for prefix, known in BY_PATH.items():
            if path.startswith(prefix) and "id" in case.path_parameters:
                case.path_parameters["id"] = replaced(known, case.path_parameters["id"])
    for fields in (case.path_parameters, case.query, case.body):
        if isinstance(fields, dict):
            for name, known in BY_FIELD.items():
                if name in fields:
                    fields[name] = replaced(known, fields[name])
            for name, words in WORDS.items():
                if isinstance(fields.get(name), str) and CHOOSE.random() < 0.75:
                    fields[name] = CHOOSE.choice(words)
