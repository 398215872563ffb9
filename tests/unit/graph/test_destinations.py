"""Where calls may go: every zone at its edges, every way of writing an address, every cell of the table."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homegraph.errors import AddressRefused
from homegraph.graph.destinations import (
    LOCAL_ADDRESSES,
    WAYS,
    Rules,
    Way,
    Zone,
    read_destination,
    refusal,
    refused_unseen,
    zone_of,
)

ZONES = {
    Zone.LOOPBACK: "127.0.0.1 127.0.0.0 127.255.255.255 127.1.2.3 ::1 ::ffff:127.0.0.1",
    Zone.PRIVATE: "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 100.64.0.0 "
    "100.127.255.255 198.18.0.0 198.19.255.255 fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fd00:ec3::1 "
    "::ffff:192.168.1.1 ::ffff:10.0.0.1",
    Zone.PUBLIC: "1.0.0.0 9.255.255.255 11.0.0.0 8.8.8.8 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 "
    "168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 "
    "192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2000:: 2001:200:: "
    "2606:4700::1111 2a00:1450:4001::200e 3fff:1000:: ::ffff:8.8.8.8 64:ff9b::8.8.8.8",
    Zone.CLOSED: "0.0.0.0 0.0.0.1 0.255.255.255 100.100.100.200 168.63.129.16 169.254.0.0 169.254.169.254 "
    "169.254.170.2 169.254.255.255 192.0.0.0 192.0.0.192 192.0.0.255 192.0.2.1 192.88.99.1 198.51.100.1 203.0.113.1 224.0.0.1 "
    "239.255.255.255 240.0.0.0 255.255.255.255 :: ::2 ::127.0.0.1 ::ffff:169.254.169.254 ::ffff:0.0.0.0 "
    "::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 100::1 "
    "2001::1 2001:0:7f00:1:: 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 3fff::1 3fff:fff:ffff:: 4000:: 5f00::1 "
    "fd00:ec2::254 fd20:ce::254 fe80::1 febf:ffff:: fec0::1 ff02::1 ff05::1 fe80::1%eth0 ::1%lo 2606:4700::1111%eth0",
}
ADDRESSES = [(zone, text) for zone, texts in ZONES.items() for text in texts.split()]


@pytest.mark.parametrize(("zone", "text"), ADDRESSES, ids=str)
def test_the_zone_of_an_address(zone, text):
    """The edges of every network, and what hides in IPv6."""
    assert zone_of(ip_address(text)) is zone


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
@example(IPv6Address("64:ff9b::1"))
def test_nothing_is_the_internet_that_the_registries_deny(address):
    """Python keeps a table of special addresses, too: what it does not hold for global is not called freely."""
    translated = address.version == 6 and address in ip_network("64:ff9b::/96")
    if zone_of(address) is Zone.PUBLIC and not translated:
        judged = (address.version == 6 and address.ipv4_mapped) or address
        assert judged.is_global
        assert not judged.is_multicast


def test_every_cell_of_the_table():
    """Zone, how it is named, scheme: there is a rule for each."""
    assert set(WAYS) == set(product(Zone, (True, False), ("http", "https")))
    assert {way for (zone, _, _), way in WAYS.items() if zone is Zone.CLOSED} == {Way.NEVER}
    assert WAYS[Zone.PUBLIC, False, "http"] is Way.LISTED


SAMPLES = {
    Zone.LOOPBACK: "127.0.0.1",
    Zone.PRIVATE: "192.168.1.5",
    Zone.PUBLIC: "8.8.8.8",
    Zone.CLOSED: "169.254.169.254",
}
EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@pytest.mark.parametrize(("zone", "scheme"), list(product(Zone, ("http", "https"))))
@pytest.mark.parametrize("is_named", [True, False], ids=["name", "literal"])
@pytest.mark.parametrize("loopback", [True, False], ids=["loopback", "no-loopback"])
@pytest.mark.parametrize("listed", [True, False], ids=["listed", "not-listed"])
def test_what_may_be_called(zone, scheme, is_named, loopback, listed):
    """The internet by https, this machine by its own names if that is not turned off, what is listed, and nothing else."""
    address = ip_address(SAMPLES[zone])
    host = "cloud.example" if is_named else str(address)
    destination = read_destination(f"{scheme}://{host}/smarthome")

    told = refusal(destination, address, Rules(loopback, EVERYWHERE if listed else ()))

    freely = (zone is Zone.PUBLIC and scheme == "https") or (
        zone is Zone.LOOPBACK and not is_named and loopback
    )
    assert (told == "") is (zone is not Zone.CLOSED and (freely or listed))
    if told:
        assert str(address) in told
        assert host in told


def test_localhost_is_what_it_says():
    """The name means this machine, whoever is asked; a longer name does not."""
    local, other = (
        read_destination(f"http://{host}/") for host in ("LocalHost", "localhost.example")
    )

    assert [refusal(local, address, Rules()) for address in LOCAL_ADDRESSES] == ["", ""]
    assert "only 127.0.0.1" in refusal(other, LOCAL_ADDRESSES[0], Rules())


def test_only_what_is_listed():
    """A network counts for its own addresses, also when they are written as IPv6."""
    rules = Rules(networks=(ip_network("192.168.1.0/24"), ip_network("fd00::/64")))
    destination = read_destination("http://nas.lan/")
    allowed = [
        refusal(destination, ip_address(text), rules) == ""
        for text in ("192.168.1.9", "::ffff:192.168.1.9", "fd00::9", "192.168.2.9", "fd00:1::9")
    ]

    assert allowed == [True, True, True, False, False]


def test_what_is_known_without_a_resolver():
    """A name may turn out well, unless no network is listed that it could lead to by http."""
    listed = Rules(networks=(ip_network("10.0.0.0/8"),))

    assert refused_unseen("https://cloud.example/", Rules()) == ""
    assert refused_unseen("http://cloud.example/", listed) == ""
    assert "outbound_networks" in refused_unseen("http://cloud.example/", Rules())
    assert refused_unseen("http://localhost/", Rules()) == ""
    assert refused_unseen("http://localhost/", Rules(loopback=False)) != ""
    assert refused_unseen("https://10.0.0.1/", listed) == ""
    assert "10.0.0.1" in refused_unseen("https://10.0.0.1/", Rules())
    assert "cannot be read" in refused_unseen("http://[/", Rules())


GOOD = {
    "https://Cloud.Example/smarthome": ("https", "cloud.example", 443, "/smarthome"),
    "http://127.0.0.1:3000": ("http", "127.0.0.1", 3000, "/"),
    "HTTPS://cloud.example.:8443/a/b?c=d&e": ("https", "cloud.example", 8443, "/a/b?c=d&e"),
    "http://[::1]:80/x": ("http", "::1", 80, "/x"),
    "https://a_b.example?q": ("https", "a_b.example", 443, "/?q"),
    "https://xn--bcher-kva.example:65535/%2e%2e/": (
        "https", "xn--bcher-kva.example", 65535, "/%2e%2e/",
    ),
    "https://127.0.0.1./": ("https", "127.0.0.1", 443, "/"),
    "https://1.1.1.1.example/": ("https", "1.1.1.1.example", 443, "/"),
}  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_a_url_is_taken_apart(url):
    """Scheme, host, port and what is asked for."""
    destination = read_destination(url)

    found = (destination.scheme, destination.host, destination.port, destination.target)
    assert found == GOOD[url]


BAD = [
    "", "cloud.example", "ftp://cloud.example/", "file:///etc/passwd", "//cloud.example/", "gopher://127.0.0.1:6379/_x",
    "http://", "http:///x", "http://./", "http://../", "http://a..b/",
    "http://user@cloud.example/", "http://user:pw@127.0.0.1/", "http://cloud.example@127.0.0.1/",
    "http://cloud.example\\@127.0.0.1/", "http://127.0.0.1\\.cloud.example/",
    "http://cloud.example:0/", "http://cloud.example:65536/", "http://cloud.example:x/", "http://cloud.example:-1/",
    "http://cloud example/", "http://cloud.example/\r\nx: y", "http://cloud.example/ü", "http://ⓔxample.com/", "http://127。0。0。1/",
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0x7f.1/", "http://127.1/", "http://127.0.1/",
    "http://0177.0.0.1/", "http://127.0.0.01/", "http://127.0.0.1.1/", "http://256.0.0.1/", "http://1/", "http://0/",
    "http://0x/", "http://1.2.3.0x10/", "http://cloud.example.1/", "http://127.0.0.1../",
    "http://[::1/", "http://::1/", "http://[127.0.0.1]/", "http://[::1%25lo]/", "http://[fe80::1%eth0]/", "http://[v1.x]/",
    "http://[::ffff:127.0.0.1.]/", "http://-a.example/", "http://a-.example/", f"http://{'a' * 64}.example/",
    f"http://{'a.' * 127}example/", "http://cloud.example/" + "x" * 2_048, "http://%31%32%37.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD)
def test_a_url_that_nobody_calls(url):
    """Odd spellings of addresses, user names, other schemes: refused without repeating them."""
    with pytest.raises(AddressRefused) as caught:
        read_destination(url)

    assert not url or url not in caught.value.message


@given(
    st.text(max_size=60) | st.from_regex(r"https?://[0-9a-fx.:\[\]%@-]{1,30}(/.*)?", fullmatch=True)
)
def test_any_text_is_taken_apart_or_refused(text):
    """Whatever it is, and what comes out has a host that is an address or cannot be taken for one."""
    try:
        destination = read_destination(text)
    except AddressRefused:
        return
    if destination.literal is None:
        assert not destination.host.rpartition(".")[2].isdecimal()
    assert 0 < destination.port < 65536
