"""A service's name from the name of its log."""

import pytest

from detector.core.decode.service import stem


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("/var/log/shop.log", "shop"),
        ("shop.log.1", "shop"),
        ("logs/shop.log.2024-05-14.gz", "shop"),
        ("logs/shop-2.json", "shop-2"),
        ("-", "stdin"),
        ("catalina.out", "catalina"),
        ("/var/log/containers/api-7c9d_shop_cart-" + "ab" * 32 + ".log", "cart"),
        ("/var/log/pods/shop_api-7c9d_ba46d8c9-9541/cart/1.log", "cart"),
        ("1.log", "1"),
        (".log", ".log"),
    ],
)
def test_the_stem_names_the_service(name, service):
    """Endings, dates and rotation numbers do not count."""
    assert stem(name) == service
