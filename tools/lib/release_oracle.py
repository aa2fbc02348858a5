# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""The figures of the release record as docs/release-record.md defines them, computed the slow way.

Everything is kept, grouped by what it is of, and looked at as a whole. Nothing here was taken from the registry's code."""

import math
from bisect import bisect_right
from collections import defaultdict

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def admitted(entries, question):
    """Entries that count, each with its place in the record."""
    for order, entry in enumerate(entries):
        if entry["time"] > question["at"]:
            continue
        if question.get("repository") and entry["repository"] != question["repository"]:
            continue
        if entry["kind"] not in ("build", "promotion") and not entry.get("digest"):
            continue
        environment = entry.get("environment")
        if question.get("environment") and environment and environment != question["environment"]:
            continue
        yield {**entry, "order": order}


def ratio(part, whole):
    return part / whole if whole else None


def case(entry, time=None, value=None, **more):
    shown = {"repository": entry["repository"], "time": entry["time"] if time is None else time, "value": value}
    for key in ("digest", "environment", "service", "deployment", "target"):
        found = more.get(key, entry.get(key))
        if found is not None:
            shown[key] = found
    return shown


def first_cases(ranked):
    """The five cases whose keys are least."""
    return [shown for _, shown in sorted(ranked, key=lambda pair: pair[0])[:5]]


def place_of(entry):
    return entry["repository"], entry["environment"], entry.get("service")


def durations(milliseconds, unit):
    """Statistics of durations."""
    values = sorted(duration // unit for duration in milliseconds)

    def percentile(percent):
        return values[math.ceil(percent * len(values) / 100) - 1] if values else None

    return {
        "mean": sum(milliseconds) / len(milliseconds) / unit if milliseconds else None,
        "p50": percentile(50),
        "p95": percentile(95),
        "max": max(milliseconds) / unit if milliseconds else None,
    }


class Oracle:
    def __init__(self, entries, question):
        self.question = question
        self.start, self.end, self.at = question["from"], question["to"], question["at"]
        self.last_moment = min(self.end - 1, self.at)
        self.entries = list(admitted(entries, question))
        self.standing = [entry for entry in self.entries if entry["time"] <= self.last_moment]
        self.steps = [entry for entry in self.entries if entry["kind"] == "step"]

    def inside(self, time):
        return self.start <= time < self.end

    def figures(self):
        self.deployments = self.find_deployments()
        return {
            "m1": self.builds(), "m2": self.outcomes(), "m3": self.replacements(), "m4": self.promotions(),
            "m5": self.vulnerabilities(), "m6": self.rollbacks(), "m7": self.drift(), "m8": self.boots(),
            "m10": self.telemetry(),
        }

    # M1

    def builds(self):
        builds = [entry for entry in self.entries if entry["kind"] == "build" and self.inside(entry["time"])]
        failed = [entry for entry in builds if not entry["succeeded"]]
        value = ratio(len(builds) - len(failed), len(builds))
        return {
            "value": value, "met": None if value is None else value >= 0.99,
            "counts": {"succeeded": len(builds) - len(failed), "failed": len(failed)},
            "exemplars": first_cases([((-entry["order"],), case(entry)) for entry in failed]),
        }

    # Deployments

    def find_deployments(self):
        """All deployments with their steps, in the order of their beginnings; who was current when they began."""
        found = []
        known = {}
        begun_at = defaultdict(list)
        for step in self.steps:
            place = place_of(step)
            key = (place, step["deployment"])
            deployment = known.get(key)
            if deployment is not None:
                is_current = begun_at[place][-1] is deployment
                if not is_current and step["time"] - deployment["steps"][-1]["time"] > 7 * DAY:
                    deployment = None
            if deployment is None:
                deployment = {"place": place, "steps": [], "given_up": None}
                is_rollback = step["phase"] == "rollback-ordered" and not step.get("target")
                deployment["is_rollback"] = is_rollback
                if is_rollback and begun_at[place]:
                    # Only the first rollback that begins while it is current can decide it.
                    begun_at[place][-1]["given_up"] = step
                known[key] = deployment
                begun_at[place].append(deployment)
                found.append(deployment)
            deployment["steps"].append(step)
        return found

    def outcome(self, deployment):
        begin = deployment["steps"][0]["time"]
        words = {"healthy": True, "failed": False, "rolled-back": deployment["is_rollback"]}
        if not deployment["is_rollback"]:
            words["rollback-ordered"] = False
        marks = [
            (step["order"], words[step["phase"]]) for step in deployment["steps"]
            if not step.get("target") and step["phase"] in words and step["time"] <= begin + HOUR
        ]
        given_up = deployment["given_up"]
        if given_up is not None and given_up["time"] <= begin + HOUR:
            marks.append((given_up["order"], False))
        if marks:
            return min(marks)[1]
        return False if self.at >= begin + HOUR else None

    def begun_inside(self):
        return [deployment for deployment in self.deployments if self.inside(deployment["steps"][0]["time"])]

    @staticmethod
    def deployment_case(deployment):
        first = deployment["steps"][0]
        return (-first["order"],), {key: value for key, value in case(first).items() if key != "target"}

    def outcomes(self):
        results = [(self.outcome(deployment), deployment) for deployment in self.begun_inside()]
        good = sum(result is True for result, _ in results)
        bad = sum(result is False for result, _ in results)
        value = ratio(good, good + bad)
        return {
            "value": value, "met": None if value is None else value >= 0.99,
            "counts": {"good": good, "bad": bad, "pending": len(results) - good - bad},
            "exemplars": first_cases([self.deployment_case(found) for result, found in results if result is False]),
        }

    def telemetry(self):
        seen, unseen, pending = 0, [], 0
        for deployment in self.begun_inside():
            begin = deployment["steps"][0]["time"]
            times = [step["time"] for step in deployment["steps"] if step["phase"] == "telemetry-seen"]
            if any(time <= begin + HOUR for time in times):
                seen += 1
            elif self.at >= begin + HOUR:
                unseen.append(deployment)
            else:
                pending += 1
        value = ratio(seen, seen + len(unseen))
        return {
            "value": value, "met": None if value is None else value >= 1,
            "counts": {"seen": seen, "unseen": len(unseen), "pending": pending},
            "exemplars": first_cases([self.deployment_case(deployment) for deployment in unseen]),
        }

    # M3 and M6

    def spans(self, groups, opens, closes, limit):
        """(order entry, duration, or "never" or "open") of each order within groups of steps."""
        for steps in groups:
            position = 0
            while position < len(steps):
                order = steps[position]
                position += 1
                if order["phase"] not in opens:
                    continue
                while position < len(steps) and steps[position]["phase"] in opens \
                        and steps[position]["time"] <= order["time"] + limit:
                    position += 1
                following = steps[position] if position < len(steps) else None
                if following is not None and following["phase"] in closes \
                        and following["time"] <= order["time"] + limit:
                    yield order, following["time"] - order["time"]
                else:
                    yield order, "never" if self.at >= order["time"] + limit else "open"

    def timed(self, groups, opens, closes, limit, below):
        found = [
            (order, result) for order, result in self.spans(groups, opens, closes, limit)
            if self.inside(order["time"])
        ]
        times = [result for _, result in found if not isinstance(result, str)]
        counts = {
            "count": len(times), "within": sum(time < below for time in times),
            "never": sum(result == "never" for _, result in found), "open": sum(result == "open" for _, result in found),
        }
        ranked = [
            (
                (-math.inf if result == "never" else -result, -order["order"]),
                case(order, value=None if result == "never" else result / 1000),
            )
            for order, result in found if result != "open"
        ]
        return counts, durations(times, 1000), first_cases(ranked)

    def replacements(self):
        groups = defaultdict(list)
        for step in self.steps:
            if step.get("target") and step["phase"] in ("replacement-ordered", "healthy"):
                groups[place_of(step), step["deployment"], step["target"]].append(step)
        counts, statistics, exemplars = self.timed(
            groups.values(), {"replacement-ordered"}, {"healthy"}, HOUR, 300_000
        )
        total = counts["count"] + counts["never"]
        return {
            "value": statistics["p95"], "met": counts["within"] * 100 >= total * 95 if total else None,
            "counts": counts, "statistics": statistics, "exemplars": exemplars,
        }

    def rollbacks(self):
        groups = defaultdict(list)
        for step in self.steps:
            if not step.get("target") and step["phase"] in ("rollback-ordered", "healthy", "rolled-back"):
                groups[place_of(step), step["digest"]].append(step)
        counts, statistics, exemplars = self.timed(
            groups.values(), {"rollback-ordered"}, {"healthy", "rolled-back"}, DAY, 600_000
        )
        met = None if statistics["mean"] is None else statistics["mean"] < 600
        return {
            "value": statistics["mean"], "met": False if counts["never"] else met,
            "counts": counts, "statistics": statistics, "exemplars": exemplars,
        }

    # M4 and M5

    def said_of_images(self):
        """Of each image, what was said of it lately, as of each entry: pieces of a list cut where it was forgotten."""
        pieces = defaultdict(list)
        for entry in self.standing:
            if not entry.get("digest"):
                continue
            if entry["kind"] in ("promotion", "scan") or (entry["kind"] == "build" and entry["succeeded"]):
                of_image = pieces[entry["repository"], entry["digest"]]
                if not of_image or entry["time"] - of_image[-1][-1]["time"] > 90 * DAY:
                    of_image.append([])
                of_image[-1].append(entry)
        return pieces

    def promotions(self):
        times, unbuilt, ranked = [], 0, []
        for of_image in self.said_of_images().values():
            for piece in of_image:
                positions = [
                    position for position, entry in enumerate(piece)
                    if entry["kind"] == "promotion" and entry["environment"] in self.question["production"]
                ]
                if not positions or not self.inside(piece[positions[0]]["time"]):
                    continue
                promotion = piece[positions[0]]
                builds = [entry for entry in piece[:positions[0]] if entry["kind"] == "build"]
                if not builds:
                    unbuilt += 1
                    continue
                time = promotion["time"] - builds[0]["time"]
                times.append(time)
                ranked.append(((-time, -promotion["order"]), case(promotion, value=time / MINUTE)))
        statistics = durations(times, MINUTE)
        within = sum(time < HOUR for time in times)
        return {
            "value": statistics["p95"], "met": within * 100 >= len(times) * 95 if times else None,
            "counts": {"count": len(times), "within": within, "unbuilt": unbuilt},
            "statistics": statistics, "exemplars": first_cases(ranked),
        }

    def changes_of_desired(self):
        """Of each place: (entry, what is desired from it on, or None for nothing)."""
        changes = defaultdict(list)
        for entry in self.standing:
            is_order = entry["kind"] == "step" and not entry.get("target") \
                and entry["phase"] in ("started", "rollback-ordered")
            if entry["kind"] == "promotion" or is_order:
                configuration = entry.get("configuration") if is_order else None
                desired = (entry["digest"], configuration) if entry.get("digest") else None
                changes[place_of(entry)].append((entry, desired))
        return changes

    def vulnerabilities(self):
        scans = {}
        for image, of_image in self.said_of_images().items():
            found = [entry for entry in of_image[-1] if entry["kind"] == "scan"]
            if found and self.last_moment - of_image[-1][-1]["time"] <= 90 * DAY:
                scans[image] = found[-1]
        desired = defaultdict(set)
        for (repository, environment, _), changes in self.changes_of_desired().items():
            _, last = changes[-1]
            if last:
                desired[environment].add((repository, last[0]))
        environments, ranked = [], []
        for environment, images in desired.items():
            found = []
            for image in images:
                if image in scans and scans[image]["critical"]:
                    critical = scans[image]["critical"]
                    shown = case(scans[image], value=critical, environment=environment)
                    found.append(((-critical, environment, *image), shown))
            ranked += found
            environments.append({
                "environment": environment,
                "critical": sum(scans[image]["critical"] for image in images if image in scans),
                "images": len(images), "unknown": sum(image not in scans for image in images),
                "worst": min(found, key=lambda pair: pair[0])[1] if found else None,
            })
        environments.sort(key=lambda listed: (-listed["critical"], listed["environment"]))
        everywhere = set().union(*desired.values()) if desired else set()
        known = [image for image in everywhere if image in scans]
        critical = sum(scans[image]["critical"] for image in known)
        unknown = len(everywhere) - len(known)
        met = None if not known else False if critical else None if unknown else True
        return {
            "value": critical if known else None, "met": met,
            "counts": {"critical": critical, "images": len(everywhere), "unknown": unknown},
            "exemplars": first_cases(ranked), "environments": environments[:100],
        }

    # M7

    def drift(self):
        changes = self.changes_of_desired()
        reports = defaultdict(list)
        for entry in self.standing:
            if entry["kind"] == "running":
                reports[place_of(entry), entry["target"], entry["reporter"]].append(entry)
        spans = []
        for (place, target, reporter), of_key in reports.items():
            found = self.differing(of_key, changes.get(place, []))
            spans += [(place, target, reporter, *span) for span in found]
        after = self.question["driftAfter"]
        incidents = [
            (span[3] + after, span) for span in spans if span[4] - span[3] >= after and self.inside(span[3] + after)
        ]
        open_ones = sum(lasts and end - begin >= after for *_, begin, end, lasts, _ in spans)
        observed = sum(
            entry["kind"] == "running" and entry["running"] and self.inside(entry["time"]) for entry in self.standing
        )
        length = self.last_moment + 1 - self.start
        has_value = length > 0 and (observed or incidents or open_ones)
        value = len(incidents) * 30 * DAY / length if has_value else None
        ranked = [
            (
                (-time, place[0], place[1], place[2] or "", target, reporter),
                case(report, time=time, value=(end - begin) / 1000),
            )
            for time, (place, target, reporter, begin, end, _, report) in incidents
        ]
        return {
            "value": value, "met": None if value is None else value <= 2,
            "counts": {"incidents": len(incidents), "open": open_ones, "reports": observed},
            "exemplars": first_cases(ranked),
        }

    def differing(self, reports, changes):
        """Spans (begin, end, whether it lasts, last report) in which one reporter's word differs from what is desired."""
        orders = [entry["order"] for entry, _ in changes]
        pieces = []  # (begin, end, differs, report), in order; between two that touch there is nothing.
        for number, report in enumerate(reports):
            if not report["running"] or report["until"] <= report["time"]:
                pieces.append((report["time"], report["time"], False, report))
                continue
            following = reports[number + 1] if number + 1 < len(reports) else None
            holds_to = min(report["until"], self.last_moment)
            if following is not None:
                holds_to = min(holds_to, following["time"])
            position = bisect_right(orders, report["order"])
            desired = changes[position - 1][1] if position else None
            begin = report["time"]
            for change, next_desired in changes[position:]:
                if following is not None and change["order"] > following["order"]:
                    break
                if change["time"] >= report["until"]:
                    break
                pieces.append((begin, change["time"], self.differs(report, desired), report))
                begin, desired = change["time"], next_desired
            pieces.append((begin, holds_to, self.differs(report, desired), report))
        merged = []
        goes_on = False
        for begin, end, differs, report in pieces:
            if differs:
                if goes_on and merged[-1][1] == begin:
                    merged[-1][1:] = [end, report]
                else:
                    merged.append([begin, end, report])
            goes_on = differs
        spans = [(begin, end, False, report) for begin, end, report in merged]
        if goes_on and reports[-1]["until"] > self.last_moment:
            begin, end, _, report = spans[-1]
            spans[-1] = (begin, end, True, report)
        return spans

    @staticmethod
    def differs(report, desired):
        if desired is None:
            return False
        if desired[0] != report["digest"]:
            return True
        return bool(desired[1] and report.get("configuration") and desired[1] != report["configuration"])

    # M8

    def boots(self):
        groups = defaultdict(list)
        for step in self.steps:
            if step.get("target") and step["phase"] in ("boot-attempted", "booted", "boot-failed", "healthy"):
                groups[place_of(step), step["deployment"], step["target"]].append(step)
        results = [result for steps in groups.values() for result in self.attempts(steps)]
        results = [(entry, good) for entry, good in results if self.inside(entry["time"])]
        good = sum(result is True for _, result in results)
        bad = [entry for entry, result in results if result is False]
        value = ratio(len(bad), good + len(bad))
        return {
            "value": value, "met": None if value is None else value < 0.005,
            "counts": {"good": good, "bad": len(bad), "open": len(results) - good - len(bad)},
            "exemplars": first_cases([((-entry["order"],), case(entry)) for entry in bad]),
        }

    def attempts(self, steps):
        """(opening entry, good, bad or None for open), cut at each word that an attempt was made."""
        limit = 10 * MINUTE
        starts = [number for number, step in enumerate(steps) if step["phase"] == "boot-attempted"]
        for step in steps[:starts[0] if starts else len(steps)]:
            if step["phase"] != "healthy":
                yield step, step["phase"] == "booted"
        for number, start in enumerate(starts):
            end = starts[number + 1] if number + 1 < len(starts) else len(steps)
            opening, words = steps[start], steps[start + 1:end]
            closing = next((step for step in words if step["time"] <= opening["time"] + limit), None)
            if closing is not None:
                yield opening, closing["phase"] != "boot-failed"
                closed_at = closing["time"]
                words = words[1:]
            else:
                is_over = end < len(steps) or self.at >= opening["time"] + limit
                yield opening, False if is_over else None
                closed_at = opening["time"] + limit
            for step in words:
                if step["phase"] != "healthy" and step["time"] > closed_at + limit:
                    yield step, step["phase"] == "booted"


def flapping(entries, at):
    groups = defaultdict(list)
    for entry in entries:
        if entry["time"] <= at and entry["kind"] == "step" and entry["phase"] in ("healthy", "unhealthy") \
                and entry.get("digest"):
            groups[*place_of(entry), entry["deployment"], entry.get("target")].append(entry)
    found = []
    for key, steps in groups.items():
        flips = [
            step for former, step in zip(steps, steps[1:])
            if step["phase"] != former["phase"] and step["time"] - former["time"] <= DAY
        ]
        recent = [step for step in flips if at - step["time"] < HOUR]
        if len(recent) >= 3:
            names = [name or "" for name in key]
            found.append([*names, recent[-1]["digest"], len(recent), recent[-1]["time"]])
    return sorted(found, key=lambda flap: (-flap[6], -flap[7], flap[:5]))


def answer(entries, question):
    return {
        "figures": Oracle(entries, question).figures(),
        "flapping": flapping(entries, question["at"])[:1000],
    }
