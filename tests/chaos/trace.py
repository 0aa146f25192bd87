"""What happened in a round, line by line, for whoever looks for the reason of a violation."""

from tests.chaos.stage import mark


def trace(record):
    """A record (as a dict) in lines of text."""
    lines = [f"  revisions {record['revisions']}"]
    for moment in record["moments"]:
        traffic = " ".join(
            f"{each['tag']}->{each['revision'] or 'LATEST'}"
            if each["tag"]
            else f"{each['revision'] or 'LATEST'}:{each['percent']}"
            for each in moment["traffic"]
        )
        who = moment["caller"].partition("@")[0]
        held = mark(moment) if moment["what"] == "asked" else {}
        told = (
            f" fence={held.get('fence')} holder={held.get('holder', '')[-6:]}"
            f" phase={held.get('phase', '')} until={held.get('until', '')[11:23]}"
            f" entry={held.get('entry', '')[:8]}"
            if held
            else ""
        )
        at = moment["at"][11:23]
        lines.append(f"  {at} {moment['number']:4} {moment['what']:6} {who:10} {traffic}{told}")
    for entry in record["entries"]:
        what, who = entry.get("why") or entry.get("ending"), entry["actor"].partition("@")[0]
        lines.append(
            f"  {entry['at'][11:23]} ledger {entry['rollout'][-6:]} {who:8} "
            f"{entry['entry']:9} {entry.get('phase', '')}: {what} {entry.get('notes', '')}"
        )
    for run in record["runs"]:
        lines.append(
            f"  run {run['role']} image={run['image']} code={run['code']} killed={run['killed']} "
            f"signals={run['signals']} cut={run['cut']}"
        )
        lines += [f"    | {text}" for text in run["said"].splitlines()[-12:]]
    lines += [f"  done: {text}" for text in record["done"]]
    lines.append(f"  struck: {record['struck']}")
    return lines
