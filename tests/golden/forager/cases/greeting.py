def greeting(name, hour):
    """A greeting for the time of the day."""
    if hour < 12:
        part = "morning"
    elif hour < 18:
        part = "afternoon"
    else:
        part = "evening"
    return "Good {part}, {name}!"
