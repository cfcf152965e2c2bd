"""When a certificate ends is read as those who made it said."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import trustme

from cqar_shared.rpc import tls
from cqar_shared.rpc.certificate_expiry import earliest_end

CA = trustme.CA()
#: The first is written with two digits of its year, the last with four: X.509 changes in 2050.
ENDS = [
    dt.datetime(2027, 3, 1, 12, 30, 15, tzinfo=dt.UTC),
    dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
    dt.datetime(2050, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2107, 6, 1, tzinfo=dt.UTC),
]


def ending(at: dt.datetime) -> bytes:
    issued = CA.issue_cert("cqar.test", not_after=at)
    return issued.cert_chain_pems[0].bytes()


@pytest.mark.parametrize("end", ENDS)
def test_a_certificate_ends_when_its_maker_said(end: dt.datetime) -> None:
    assert earliest_end(ending(end)) == end


def test_of_several_in_a_file_the_first_to_end_counts() -> None:
    pem = b"Subject: not of the encoding\n" + b"\n".join(ending(end) for end in reversed(ENDS))
    assert earliest_end(pem) == ENDS[0]


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"no certificate",
        CA.private_key_pem.bytes(),
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(ValueError, match="certificate|value"):
        earliest_end(pem)


def test_what_a_server_presents_and_trusts_is_measured_again_when_it_changes(
    tmp_path: Path,
) -> None:
    files = [tmp_path / name for name in ("crt.pem", "key.pem", "ca.pem")]

    def present(end: dt.datetime) -> None:
        issued = CA.issue_cert("cqar.test", not_after=end)
        files[0].write_bytes(issued.cert_chain_pems[0].bytes())
        files[1].write_bytes(issued.private_key_pem.bytes())

    def told(file: str) -> dt.datetime:
        (value,) = [
            sample.value
            for metric in tls.ENDS.collect()
            for sample in metric.samples
            if sample.labels["file"] == file
        ]
        return dt.datetime.fromtimestamp(value, dt.UTC)

    present(ENDS[0])
    files[2].write_bytes(CA.cert_pem.bytes())
    served = tls.Certificates(*files)
    assert told("certificate") == ENDS[0]
    assert told("client_ca") == earliest_end(CA.cert_pem.bytes())
    present(ENDS[1])
    assert served._changed() is not None
    assert told("certificate") == ENDS[1]
