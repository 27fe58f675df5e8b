"""A mail server for tests: keeps every mail that it takes as JSON, and lets in one user with one password.

    server.py PORT FOLDER USER PASSWORD
"""

import asyncio
import email
import email.policy
import json
import pathlib
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, folder, user, password = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]


class Keep:
    def __init__(self):
        self.taken = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "user": session.auth_data,
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "body": mail.get_content(),
        }
        self.taken += 1
        partial = folder / f".{self.taken:03}"
        partial.write_text(json.dumps(kept))
        partial.rename(folder / f"{self.taken:03}.json")
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login.decode(), data.password.decode()) == (user, password)
    return AuthResult(success=good, handled=False, auth_data=data.login.decode())


async def main():
    keep = Keep()

    def protocol():
        # the port is one of this machine alone
        return SMTP(keep, authenticator=authenticate, auth_require_tls=False, auth_required=True, hostname="localhost")

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main())
