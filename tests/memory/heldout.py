"""More labelled values, made in another way than `labelled`: whole documents and messages."""

from __future__ import annotations

import json
import string
from base64 import b64encode
from collections.abc import Iterator
from random import Random
from uuid import UUID

_NAMES = ("stripe", "github", "openweather", "twilio", "datadog", "postgres", "redis", "jira", "mailgun", "mapbox")
_PEOPLE = ("maria", "tom", "ling", "ahmed", "eva", "jon", "ana", "wei", "olga", "pierre")
_WORDS = ("harbor", "violet", "rocket", "maple", "thunder", "cactus", "velvet", "pickle", "saturn", "ember", "turbo")


def _soup(rng: Random, size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(rng.choice(alphabet) for _ in range(size))


def _chosen(rng: Random) -> str:
    """A password of one of the kinds that lists of leaked ones show."""
    word, other = rng.sample(_WORDS, 2)
    return rng.choice(
        (
            f"{word}{rng.randrange(10, 100)}",
            f"{word.title()}{rng.randrange(1, 10)}!",
            f"{word}_{other}_{rng.randrange(10, 100)}",
            f"{word.title()}{other.title()}{rng.randrange(100, 1000)}",
            f"{_soup(rng, 10)}{rng.choice('!@#%&*')}4",
            f"{word[:3].upper()}-{rng.randrange(1000, 10000)}-{other[:3]}",
            f"{word.replace('e', '3').replace('a', '@')}{rng.randrange(7, 99)}",
            _soup(rng, 16) + "8",
        )
    )


def secrets(rng: Random) -> Iterator[tuple[str, str]]:
    """Documents with a secret inside."""
    for make in (
        _env_file,
        _compose,
        _config,
        _history,
        _mail,
        _table,
        _script,
        _note,
        _chat,
        _abroad,
        _numbers,
        _credentials,
    ):
        for _ in range(8):
            yield make.__name__, make(rng)


def _env_file(rng: Random) -> str:
    name = rng.choice(_NAMES).upper()
    kind = rng.choice(
        (
            "API_KEY",
            "SECRET",
            "TOKEN",
            "ACCESS_KEY",
            "AUTH_TOKEN",
            "PASSWORD",
            "CLIENT_SECRET",
            "PRIVATE_KEY",
            "WEBHOOK_SECRET",
        )
    )
    value = (
        _chosen(rng)
        if kind == "PASSWORD"
        else _soup(
            rng,
            rng.choice((20, 24, 32, 40)),
            rng.choice((string.hexdigits.lower()[:16], string.ascii_letters + string.digits)),
        )
    )
    line = f"{rng.choice(('', 'export '))}{name}_{kind}={value}"
    return f"DEBUG=true\nPORT={rng.randrange(1024, 9999)}\n{line}\nLOG_LEVEL=info\n"


def _compose(rng: Random) -> str:
    return (
        "services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_USER: app\n"
        f"      POSTGRES_PASSWORD: {_chosen(rng)}\n    ports:\n      - '5432:5432'\n"
    )


def _config(rng: Random) -> str:
    field = rng.choice(
        (
            "password",
            "apiKey",
            "api_key",
            "secretKey",
            "accessToken",
            "client_secret",
            "authToken",
            "privateKey",
            "passphrase",
            "db_password",
        )
    )
    return json.dumps(
        {"host": "db.example.org", "port": 5432, "user": rng.choice(_PEOPLE), field: _soup(rng, 18) + "3"},
        indent=rng.choice((None, 2)),
    )


def _history(rng: Random) -> str:
    command = rng.choice(
        (
            "curl -s -H 'Authorization: Bearer {}' https://api.example.org/v2/me",
            "curl https://api.example.org/v2/me?access_token={}",
            "git clone https://{user}:{}@git.example.org/app.git",
            "mysql -h db -u {user} -p{} shop",
            "redis-cli -a {} ping",
            "docker login -u {user} -p {} registry.example.org",
            "PGPASSWORD={} psql -h db -U {user}",
            "vault login token={}",
            "ansible-playbook site.yml --extra-vars 'db_password={}'",
            "psql postgresql://{user}:{}@10.0.0.4/shop",
        )
    )
    return (
        f"cd /srv/app\n{command.replace('{user}', rng.choice(_PEOPLE)).replace('{}', _soup(rng, 22) + '5')}\nls -la\n"
    )


def _mail(rng: Random) -> str:
    site = rng.choice(
        (
            "the staging site",
            "the newsletter tool",
            "the printer",
            "our bank's portal",
            "the library account",
            "the NAS",
        )
    )
    return (
        f"Hi {rng.choice(_PEOPLE).title()},\n\nas promised, the login for {site}:\n\n"
        f"Username: {rng.choice(_PEOPLE)}\nPassword: {_chosen(rng)}\n\n"
        "Please change it after the first login.\nBest, Eva"
    )


def _table(rng: Random) -> str:
    row = f"| {rng.choice(_NAMES)} | {rng.choice(_PEOPLE)} | {_soup(rng, 9)}$7Qz |"
    return f"| service | user | password |\n|---|---|---|\n{row}\n\npassword of the other one: {_chosen(rng)}"


def _script(rng: Random) -> str:
    name = rng.choice(_NAMES)
    return (
        rng.choice(
            (
                'client = {name}.Client(api_key="{}")',
                "const {name} = require('{name}')({ secret: '{}' });",
                'headers = {"X-API-Key": "{}"}',
                "{name}.auth_token = '{}'",
                'var {name}Token = "{}";',
                'String password = "{}";',
                "$config['{name}_secret'] = '{}';",
                '<add key="{name}Password" value="x" /><connectionString>Server=db;Pwd={};</connectionString>',
                "set_secret({name!r}, password='{}')",
                'os.environ["{name}_API_KEY"] = "{}"',
            )
        )
        .replace("{name!r}", repr(name))
        .replace("{name}", name)
        .replace("{}", _soup(rng, 20) + "9")
    )


def _note(rng: Random) -> str:
    where = rng.choice(
        (
            "wifi at the cabin",
            "guest wifi",
            "Netflix",
            "the alarm system",
            "my old laptop",
            "icloud",
            "paypal",
            "router admin",
        )
    )
    form = rng.choice(
        (
            "{where} - password {}",
            "{where} pw: {}",
            "{where}\nuser: eva\npass: {}",
            "Don't forget: the password for {where} is {}.",
            "new password for {where} = {}",
            "{where} (password: {})",
            "{where} password -> {}",
            "{where}: login eva / password {}",
        )
    )
    return form.replace("{where}", where).replace("{}", _chosen(rng))


def _chat(rng: Random) -> str:
    form = rng.choice(
        (
            "ok so the admin password is {} but please don't tell anyone",
            "can you remember that my openai api key is {}",
            "I set the root password to {} for now",
            "here's the token: {}",
            "the secret key for the payment gateway is {}, keep it safe",
            "btw my github token is {}, use it for the release",
            "username: {user}, password: {}",
            "use this api key {} for the demo",
            "My login is {user}@example.org and my password is {}",
            "The passcode to get in is {}",
        )
    )
    return form.replace("{user}", rng.choice(_PEOPLE)).replace(
        "{}", _chosen(rng) if "pass" in form else _soup(rng, 26) + "2"
    )


def _abroad(rng: Random) -> str:
    form = rng.choice(
        (
            "La contraseña de la wifi de la casa es {}",
            "La clave del banco: {}",
            "Das Passwort für den Drucker ist {}.",
            "Zugangsdaten: Benutzer eva, Passwort {}",
            "Le mot de passe de l'imprimante est {}",
            "Mot de passe : {}",
            "A senha da rede é {}",
            "La password della posta è {}",
            "路由器密码是 {}",
            "管理员密码：{}",
            "サーバーのパスワードは {} です",
            "와이파이 비밀번호: {}",
            "Пароль от почты: {}",
            "Wachtwoord: {}",
        )
    )
    return form.replace("{}", _chosen(rng))


def _luhn(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number // 10 + number % 10
    return digits + str((10 - total % 10) % 10)


def _numbers(rng: Random) -> str:
    card = _luhn(rng.choice(("4716", "5213", "6011")) + _soup(rng, 11, string.digits))
    return rng.choice(
        (
            f"Card for the hotel: {card[:4]} {card[4:8]} {card[8:12]} {card[12:]}, valid until 08/29",
            f"pay with {card}",
            f"PIN of the debit card: {rng.randrange(1000, 9999)}",
            f"The door code is {rng.randrange(1000, 9999)}",
            f"SSN {rng.randrange(100, 600)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}",
            f"my safe combination is {rng.randrange(10, 99)}-{rng.randrange(10, 99)}-{rng.randrange(10, 99)}",
            f"Passport no. C{rng.randrange(10_000_000, 99_999_999)}",
        )
    )


def _credentials(rng: Random) -> str:
    return rng.choice(
        (
            f"aws_access_key_id = AKIA{_soup(rng, 16, string.ascii_uppercase)}\naws_secret = {_soup(rng, 40)}",
            f"//registry.npmjs.org/:_authToken=npm_{_soup(rng, 36)}",
            f"machine api.example.org login {rng.choice(_PEOPLE)} password {_soup(rng, 14)}1",
            f"Authorization: Basic {b64encode(f'eva:{_soup(rng, 9)}'.encode()).decode()}",
            f"[default]\nsecret = {_soup(rng, 32)}7\nregion = eu-west-1",
            f"https://{_soup(rng, 32, '0123456789abcdef')}:{_soup(rng, 32, '0123456789abcdef')}@sentry.example.org/5",
            "-----BEGIN EC " + "PRIVATE KEY-----\n" + _soup(rng, 64) + "\n-----END EC " + "PRIVATE KEY-----",
            f"mongodb+srv://{rng.choice(_PEOPLE)}:{_soup(rng, 13)}@cluster0.example.mongodb.net/?retryWrites=true",
            f"xoxp-{_soup(rng, 11, string.digits)}-{_soup(rng, 12, string.digits)}-{_soup(rng, 24)}",
            "recovery codes for github: "
            + ", ".join(
                f"{_soup(rng, 5, string.hexdigits.lower()[:16])}-{_soup(rng, 4, string.digits)}a" for _ in range(5)
            ),
        )
    )


def harmless(rng: Random) -> Iterator[tuple[str, str]]:
    """Documents without one."""
    for make in (
        _plain_config,
        _plain_code,
        _plain_docs,
        _plain_ids,
        _plain_note,
        _plain_log,
        _plain_references,
        _plain_prose,
    ):
        for _ in range(12):
            yield make.__name__, make(rng)


def _plain_config(rng: Random) -> str:
    return rng.choice(
        (
            json.dumps(
                {"max_tokens": rng.randrange(100, 9000), "temperature": 0.7, "model": "small-2", "stop_token": "</s>"}
            ),
            f"[tokenizer]\nvocab_size = {rng.randrange(1000, 90000)}\npad_token = '<pad>'\nmodel_max_length = 512",
            f"auth:\n  token_ttl: {rng.randrange(10, 90)}m\n  password_policy:\n    min_length: 12\n    digits: true",
            f"keyboard:\n  layout: us\n  repeat: {rng.randrange(100, 900)}\nkey_bindings:\n  ctrl+s: save",
            "secrets:\n  provider: vault\n  path: kv/data/app\ncredentials_file: ~/.config/app/credentials",
            "session_timeout = 90\ntoken_url = https://auth.example.org/token\nsecret_name = app-db",
            "DB_PASSWORD=${DB_PASSWORD}\nAPI_KEY=<your api key>\nTOKEN=",
            f"num_attention_heads: 32\nnum_key_value_heads: {rng.randrange(2, 16)}\nrope_theta: 1000000.0",
        )
    )


def _plain_code(rng: Random) -> str:
    return rng.choice(
        (
            "def check(password: str) -> bool:\n    return hmac.compare_digest(hash(password), stored)",
            "token = jwt.encode(payload, settings.SECRET_KEY, algorithm='HS256')",
            "if (!apiKey) throw new Error('API key is missing');",
            "const password = await prompt('Password: ');",
            "api_key = os.getenv('API_KEY') or sys.exit('set API_KEY')",
            "for key, value in sorted(table.items()):\n    print(f'{key}={value}')",
            "assert response.json()['token_type'] == 'bearer'",
            f"x = {rng.randrange(10**8, 10**9)} % {rng.randrange(10, 99)}  # pin the seed",
            "parser.add_argument('--password', help='password of the database user')",
            "CREATE TABLE users (id bigint primary key, password_hash text not null, api_token_id uuid);",
            "<label for='password'>Password</label><input name='password' type='password' required>",
            "secret_key = config.get('secret_key')\npassword = getpass.getpass()",
        )
    )


def _plain_docs(rng: Random) -> str:
    return rng.choice(
        (
            "To create an access token, open Settings, then Developer, and press New token. It is shown only once.",
            "Passwords are hashed with Argon2id. The token expires after 15 minutes and is refreshed by the client.",
            "Set the `API_KEY` variable to your key. Never commit it.",
            "The private key stays on the device; the public key is uploaded.",
            "If the password is wrong three times, the account is locked for 10 minutes.",
            "An API key identifies the project; a secret authenticates it. Both are rotated quarterly.",
            "Usage: tool --token TOKEN [--password PASSWORD]",
            "Bearer authentication: send `Authorization: Bearer YOUR_TOKEN` with each request.",
            "Der Token ist ungültig. Das Passwort muss mindestens acht Zeichen haben.",
            "Si olvida la contraseña, pulse «Restablecer». La clave es obligatoria.",
            f"The context window holds {rng.randrange(8, 200)}k tokens; a token is about four characters.",
            "请输入密码。密码不能为空。",
        )
    )


def _plain_ids(rng: Random) -> str:
    digest = _soup(rng, 64, "0123456789abcdef")
    return rng.choice(
        (
            str(UUID(int=rng.getrandbits(128), version=4)),
            f"commit {digest[:40]}\nAuthor: Eva <eva@example.org>",
            f"app@sha256:{digest}",
            f"order #{rng.randrange(10**9, 10**10)} was shipped, tracking 00340434{rng.randrange(10**11, 10**12)}",
            f"ISBN 978-0-{rng.randrange(100, 999)}-{rng.randrange(10000, 99999)}-3",
            f"+44 20 7946 0{rng.randrange(100, 999)}",
            f"trace id {digest[:32]}, span id {digest[:16]}",
            f"sha256-{b64encode(rng.randbytes(32)).decode()}",
            f"customer cus_{_soup(rng, 14)}, price price_1{_soup(rng, 23)}",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ" + _soup(rng, 120) + " eva@laptop",
        )
    )


def _plain_note(rng: Random) -> str:
    return rng.choice(
        (
            f"buy {rng.randrange(2, 12)} eggs, 500 g flour, vanilla; call Tom at 17:45",
            "I prefer dark themes and vim keys; never use tabs",
            f"gym locker on the left, class {rng.randrange(1, 9)} with Ahmed, 18:30",
            "we decided to use PostgreSQL 16 with pgvector",
            "ask the secretary about the passport form and the credit card limit",
            f"meeting at 10:00, room {rng.randrange(100, 999)}, topic: password manager for the team",
            f"the pin on the map shows the cabin, {rng.randrange(10, 99)} km from the lake",
            "Monkey Island walkthrough: chapter 2, use the rubber chicken with the cable",
            "1.d4 Nf6 2.c4 e6 3.Nc3 Bb4 4.e3 O-O 5.Bd3 d5",
            "Two roads diverged in a yellow wood, and sorry I could not travel both",
        )
    )


def _plain_log(rng: Random) -> str:
    return "\n".join(
        f"2026-11-{rng.randrange(10, 29)}T0{rng.randrange(1, 9)}:15:{rng.randrange(10, 59)}Z INFO "
        f"{rng.choice(('token refreshed', 'invalid password for user eva', 'api key rotated', 'session expired'))} "
        f"request_id={_soup(rng, 32, '0123456789abcdef')} took={rng.randrange(1, 900)}ms"
        for _ in range(4)
    )


def _plain_references(rng: Random) -> str:
    return rng.choice(
        (
            "password: op://Private/Router/password",
            "token: !vault app/token",
            "env:\n  - name: API_KEY\n    valueFrom:\n      secretKeyRef:\n        name: app\n        key: api-key",
            "password_command = pass show mail/eva",
            "api_key: ${{ secrets.API_KEY }}",
            "TOKEN=$(cat /run/secrets/token)",
            "my passwords are in KeePass, the file is on the NAS",
            f"arn:aws:secretsmanager:eu-west-1:{rng.randrange(10**11, 10**12)}:secret:prod/app",
            "password = {{ lookup('env', 'DB_PASSWORD') }}",
            "postgres://app:$DB_PASSWORD@db/app",
        )
    )


def _plain_prose(rng: Random) -> str:
    return rng.choice(
        (
            f"The train left at {rng.randrange(10, 23)}:30 and the key to the cabin was under the mat.",
            "Her secret was out: she had baked the cake herself, with a token effort at icing.",
            "He passed the exam with 87 points; passwords were never his strength.",
            f"We paid {rng.randrange(100, 900)} euros by credit card and got a code for the garage, which we lost.",
            "The secret to a long life is good company.",
            "The password to a happy marriage is humour.",
            "My favourite key is B flat minor; the code of Hammurabi is older.",
            "Tokens of appreciation: flowers, chocolate, a card.",
        )
    )
