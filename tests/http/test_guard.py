"""Which URLs may be called and which addresses may be connected, as tables."""

import pytest

from paymux.http.client import url_fault
from paymux.http.guard import is_public


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "203.0.114.7"])
def test_an_address_of_the_public_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("100.64.0.1", "168.63.129.16", "172.16.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "203.0.113.1"),
        *("239.1.1.1", "240.0.0.1", "255.255.255.255", "::8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::1"),
        *("2001:0:1::1", "2001:db8::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fe80::1", "fe80::1%eth0", "fec0::1"),
        *("2606:4700::1%eth0", "ff02::1", "not an address", ""),
    ],
)
def test_every_other_address_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("", "ftp://a.example/", "file:///etc/passwd", "//a.example/", "http://", "http:///x", "http:a.example"),
        *("http://user@a.example/", "http://user:pw@a.example/", "http://@a.example/", "http://a.example\\@b.example/"),
        *("http://a.example:0/", "http://a.example:65536/", "http://a.example:8_0/", "http://a.example:x/", "http://a.example:-1/"),
        *("http://a.example/\r\nX: y", "http://a.example/ b", "http://a.example/\x7f", "http://a.example/\u2028", "https://a\x00/"),
        *("http://a..example/", "http://a%2eexample/", "http://-a.example/", "http://a;b.example/", "http://300.1.1.1/"),
        *("http://[::1/", "http://[fe80::1%25eth0]/", "http://a.example/" + "x" * 2048),
    ],
)
def test_a_bad_url_has_a_fault(url: str) -> None:
    assert url_fault(url)


@pytest.mark.parametrize(
    "url", ["http://a.example", "HTTPS://A.example:8443/x?y=z#f", "http://[2606:4700::1111]/", "https://bücher.example/ü"]
)
def test_a_good_url_has_no_fault(url: str) -> None:
    assert url_fault(url) is None
