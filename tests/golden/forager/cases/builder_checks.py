from builder import Query


def test_where():
    assert Query("t").where("a").where("b").sql() == "select * from t where a and b"


def test_limit():
    assert Query("t").limit(3).sql() == "select * from t limit 3"


def holdout_both():
    assert Query("t").limit(0).where("x").sql() == "select * from t where x limit 0"
