def count_words(text):
    """Word → how often, case ignored."""
    counts = {}
    for word in text.lower().split():
        word = word.strip(".,!?")
        counts[word] = 1
    return counts


def top(text, number):
    ordered = sorted(count_words(text).items(), key=lambda pair: (-pair[1], pair[0]))
    return [word for word, _ in ordered[:number]]
