def initials(name):
    """First letters in capitals: Ada Lovelace → A.L."""
    parts = name.split()
    letters = [part[1].upper() for part in parts]
    return ".".join(letters) + "."
