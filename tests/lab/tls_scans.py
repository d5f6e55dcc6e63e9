"""What sslscan, testssl.sh and nmap must find on a listener: `scan` runs a program where it reaches the listener."""
import json
import re

# What the default listener offers, in its order: sslscan checks that it is no more and no less.
TLS13 = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256")
AEAD = ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
        "AES256-GCM-SHA384", "AES128-GCM-SHA256")
CBC = ("ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES128-SHA",
       "AES256-SHA256", "AES128-SHA256", "AES256-SHA", "AES128-SHA")


def sslscan(scan, address, port):
    """No protocol, suite or group but those that we mean to offer."""
    found = scan("sslscan", "--no-colour", f"{address}:{port}")
    protocols = dict(re.findall(r"^((?:SSL|TLS)v\S+) +(enabled|disabled)$", found, re.MULTILINE))
    assert protocols == {"SSLv2": "disabled", "SSLv3": "disabled", "TLSv1.0": "disabled", "TLSv1.1": "disabled",
                         "TLSv1.2": "enabled", "TLSv1.3": "enabled"}, found
    assert set(re.findall(r"^(?:Preferred|Accepted) +TLSv\S+ +\d+ bits +(\S+)", found, re.MULTILINE)) == \
        {*TLS13, *AEAD, *CBC}, found
    assert "Session renegotiation not supported" in found
    assert set(re.findall(r"^TLSv\S+ +\d+ bits +(secp\S+|x\S+)", found, re.MULTILINE)) == {"secp256r1", "x25519"}
    assert found.count("not vulnerable to heartbleed") == 2


def testssl(scan, address, port, report, *checks):
    """AES-CBC is all that it calls obsolete: RouterOS and Windows 7 have nothing better, and it is last in our order."""
    scan("testssl", "--quiet", "--warnings", "off", "--color", "0", *checks, "--jsonfile", str(report),
         f"{address}:{port}")
    findings = {f["id"]: f for f in json.loads(report.read_text())}
    for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT",
                 "cipherlist_LOW", "cipherlist_3DES_IDEA"):
        assert findings[name]["finding"].startswith("not offered"), findings[name]
    return [f for f in findings.values() if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL")]


def nmap(scan, address, port):
    """Sequence numbers are unpredictable (RFC 6528), the IP id says nothing, time stamps do not tell the uptime."""
    found = scan("nmap", "-O", "-v", "-Pn", "-n", "-p", f"{port},1", "--max-os-tries", "1", address)
    assert int(re.search(r"Sequence Prediction: Difficulty=(\d+)", found)[1]) > 200, found
    assert re.search(r"IP ID Sequence Generation: (All zeros|Randomized|Random)", found), found
    return re.findall(r"Uptime guess.*", found)
