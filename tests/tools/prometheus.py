"""The text format of Prometheus (0.0.4), read as strictly as anybody may: what Prometheus lets pass but our host never
writes (blank lines, comments, time stamps, samples without a head) is refused, too.

    metrics = parse(text)
    metrics["aisha_jobs"].value(state="dead")
"""
import re

HELP = re.compile(r"# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\\n]|\\[\\n])+)")
TYPE = re.compile(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)")
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^\\"\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9][0-9.e+-]*)")
ONE_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^\\"\n]|\\[\\"n])*)"')
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Metric:
    def __init__(self, name, text):
        self.name, self.help, self.type = name, text, None
        self.samples = {}  # labels, as a frozenset of pairs → value

    def value(self, **labels):
        return self.samples[frozenset(labels.items())]


def unescape(text):
    return re.sub(r"\\.", lambda match: ESCAPES[match[0]], text)


def labels_of(text):
    pairs = [(name, unescape(value)) for name, value in ONE_LABEL.findall(text or "")]
    labels = dict(pairs)
    if len(labels) != len(pairs) or any(name.startswith("__") for name in labels):
        raise ValueError(f"labels {text}")
    return frozenset(labels.items())


def add_sample(metric, match):
    labels, value = labels_of(match[2]), float(match[3])
    if labels in metric.samples:
        raise ValueError(f"{metric.name} has two values with {match[2]}")
    if metric.type == "counter" and (value < 0 or not metric.name.endswith("_total")):
        raise ValueError(f"{metric.name} is no counter")
    metric.samples[labels] = value


def parse(text):
    """name → Metric; ValueError when it is not as it has to be. text may be bytes."""
    text = text.decode("utf-8", errors="strict") if isinstance(text, bytes) else text
    if not text.endswith("\n"):
        raise ValueError("the last line has no end")
    metrics, metric = {}, None
    for line in text[:-1].split("\n"):
        if match := HELP.fullmatch(line):
            if match[1] in metrics or (metric and metric.type is None):
                raise ValueError(f"a second head: {line}")
            metric = metrics[match[1]] = Metric(match[1], re.sub(r"\\.", lambda m: ESCAPES[m[0]], match[2]))
        elif match := TYPE.fullmatch(line):
            if not metric or metric.name != match[1] or metric.type or metric.samples:
                raise ValueError(f"a type at the wrong place: {line}")
            metric.type = match[2]
        elif match := SAMPLE.fullmatch(line):
            if not metric or metric.name != match[1] or not metric.type:
                raise ValueError(f"a sample at the wrong place: {line}")
            add_sample(metric, match)
        else:
            raise ValueError(f"no line of the format: {line!r}")
    return metrics
