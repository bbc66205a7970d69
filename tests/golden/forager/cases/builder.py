class Query:
    """A query put together step by step."""

    def __init__(self, table):
        self.table = table
        self.filters = []
        self.limit_to = None

    def where(self, text):
        self.filters.append(text)
        return self

    def limit(self, number):
        self.limit_to = number

    def sql(self):
        text = f"select * from {self.table}"
        if self.filters:
            text += " where " + " and ".join(self.filters)
        if self.limit_to is not None:
            text += f" limit {self.limit_to}"
        return text
