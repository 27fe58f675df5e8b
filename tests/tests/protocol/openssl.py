"""One connection to a plugin by OpenSSL. Says in JSON what was agreed on, and whether the plugin speaks HTTP/2 with us."""

import argparse
import json
import socket
import ssl

parser = argparse.ArgumentParser()
parser.add_argument("--socket", required=True)
parser.add_argument("--plugin", required=True, help="the plugin's certificate, DER")
parser.add_argument("--shown", help="certificate and key of a client, PEM")
parser.add_argument("--alpn", required=True)
parser.add_argument("--tls", required=True, choices=["TLSv1_2", "TLSv1_3"])
given = parser.parse_args()

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# newer Pythons want certificates of authorities to say more than those of go-plugin do
context.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN
with open(given.plugin, "rb") as file:
    context.load_verify_locations(cadata=file.read())
if given.shown:
    context.load_cert_chain(given.shown)
context.set_alpn_protocols([given.alpn])
context.minimum_version = context.maximum_version = ssl.TLSVersion[given.tls]

# what a client of HTTP/2 begins with: the preface, and settings without any
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
SETTINGS = 4

said = {"alpn": None, "served": False, "error": None}
try:
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(10)
        plain.connect(given.socket)
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            said["alpn"] = tls.selected_alpn_protocol()
            tls.sendall(HELLO)
            # in TLS 1.3 a certificate is refused only after the client is done
            frame = tls.recv(9)
            said["served"] = len(frame) == 9 and frame[3] == SETTINGS
except (ssl.SSLError, ConnectionError) as error:
    said["error"] = str(error)
print(json.dumps(said))
