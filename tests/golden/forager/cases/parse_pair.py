def parse(line):
    """`key = value` as a pair; None for a line without one."""
    if "=" not in line:
        return None
    key, value = line.split("=")
    return key.strip(), value.strip()


def parse_all(text):
    pairs = [parse(line) for line in text.splitlines()]
    return dict(pair for pair in pairs if pair)
