"""Labelled values for the detection of secrets, made from a seed: no literal here looks like one to a scanner."""

from __future__ import annotations

import base64
import hashlib
import json
import string
import uuid
from collections.abc import Iterator
from random import Random

ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits


def letters(rng: Random, alphabet: str, size: int) -> str:
    """`size` letters of `alphabet`."""
    return "".join(rng.choices(alphabet, k=size))


def vendor_tokens(rng: Random) -> dict[str, str]:
    """A token of each form, put together here."""

    def some(alphabet: str, size: int) -> str:
        return letters(rng, alphabet, size)

    def guid() -> str:
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))

    def packed(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return {
        "aws": "AKIA" + some(string.ascii_uppercase + "234567", 16),
        "aws-session": "ASIA" + some(string.ascii_uppercase + "234567", 16),
        "github": "ghp_" + some(ALNUM, 36),
        "github-fine": "github_pat_" + some(ALNUM, 22) + "_" + some(ALNUM, 59),
        "github-server": "ghs_" + some(ALNUM, 36),
        "gitlab": "glpat-" + some(ALNUM, 20),
        "gitlab-deploy": "gldt-" + some(ALNUM, 20),
        "slack-bot": f"xoxb-{some(string.digits, 12)}-{some(string.digits, 12)}-{some(ALNUM, 24)}",
        "slack-app": f"xapp-1-{some(UPPER, 11)}-{some(string.digits, 13)}-{some(HEX, 64)}",
        "stripe": "sk_" + "live_" + some(ALNUM, 24),
        "stripe-restricted": "rk_" + "live_" + some(ALNUM, 24),
        "stripe-webhook": "whsec_" + some(ALNUM, 32),
        "twilio": "SK" + some(HEX, 32),
        "sendgrid": f"SG.{some(ALNUM, 22)}.{some(ALNUM, 43)}",
        "mailgun": "key-" + some(HEX, 32),
        "mailchimp": some(HEX, 32) + "-us14",
        "openai": "sk-" + some(ALNUM, 48),
        "openai-project": "sk-proj-" + some(ALNUM + "_-", 74),
        "anthropic": "sk-ant-api03-" + some(ALNUM + "_-", 93) + "AA",
        "hugging-face": "hf_" + some(string.ascii_letters, 34),
        "npm": "npm_" + some(ALNUM, 36),
        "pypi": "pypi-AgEIcHlwaS5vcmc" + some(ALNUM + "_-", 70),
        "docker": "dckr_pat_" + some(ALNUM + "_-", 27),
        "telegram": some(string.digits, 10) + ":AA" + some(ALNUM + "_-", 33),
        "discord": f"M{some(ALNUM, 23)}.{some(ALNUM, 6)}.{some(ALNUM, 27)}",
        "shopify": "shpat_" + some(HEX, 32),
        "square": "sq0atp-" + some(ALNUM, 22),
        "heroku": "HRKU-" + some(ALNUM, 36),
        "digitalocean": "dop_v1_" + some(HEX, 64),
        "linear": "lin_api_" + some(ALNUM, 40),
        "notion": "ntn_" + some(string.digits, 11) + some(ALNUM, 35),
        "figma": "figd_" + some(ALNUM + "_-", 40),
        "databricks": "dapi" + some(HEX, 32),
        "grafana": "glsa_" + some(ALNUM, 32) + "_" + some(HEX, 8),
        "vault": "hvs." + some(ALNUM + "_-", 95),
        "supabase": "sbp_" + some(HEX, 40),
        "new-relic": "NRAK-" + some(UPPER, 27),
        "sentry": "sntryu_" + some(HEX, 64),
        "tailscale": f"tskey-auth-k{some(ALNUM, 11)}CNTRL-{some(ALNUM, 32)}",
        "fly": "fm2_" + some(ALNUM + "+/", 120),
        "doppler": "dp.pt." + some(ALNUM, 43),
        "age": "AGE-SECRET-" + "KEY-1" + some("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
        "1password": f"A3-{some(UPPER, 6)}-{some(UPPER, 6)}-" + "-".join(some(UPPER, 5) for _ in range(4)),
        "atlassian": "ATATT3xFfGF0" + some(ALNUM + "_-", 172) + "=" + some("0123456789ABCDEF", 8),
        "asana": f"1/{some(string.digits, 16)}:{some(HEX, 32)}",
        "dropbox": "sl." + some(ALNUM + "_-", 135),
        "planetscale": "pscale_tkn_" + some(ALNUM, 43),
        "postman": f"PMAK-{some(HEX, 24)}-{some(HEX, 34)}",
        "pulumi": "pul-" + some(HEX, 40),
        "terraform": f"{some(ALNUM, 14)}.atlasv1.{some(ALNUM + '_-', 67)}",
        "airtable": f"pat{some(ALNUM, 14)}.{some(HEX, 64)}",
        "launchdarkly": "sdk-" + guid(),
        "jfrog": "AKCp" + some(ALNUM, 69),
        "buildkite": "bkua_" + some(HEX, 40),
        "google": "AIza" + some(ALNUM + "_-", 35),
        "google-oauth": "GOCSPX-" + some(ALNUM + "_-", 28),
        "google-access": "ya29." + some(ALNUM + "_-", 120),
        "azure-client": some(ALNUM, 3) + "8Q~" + some(ALNUM + "_-~.", 34),
        "groq": "gsk_" + some(ALNUM, 52),
        "perplexity": "pplx-" + some(ALNUM, 48),
        "replicate": "r8_" + some(ALNUM, 37),
        "rubygems": "rubygems_" + some(HEX, 48),
        "jwt": f"{packed({'alg': 'HS256'})}.{packed({'sub': some(string.digits, 10)})}.{some(ALNUM + '_-', 43)}",
        "slack-hook": f"https://hooks.slack.com/services/T{some(UPPER, 8)}/B{some(UPPER, 8)}/{some(ALNUM, 24)}",
        "discord-hook": f"https://discord.com/api/webhooks/{some(string.digits, 18)}/{some(ALNUM + '_-', 68)}",
        "openssh": "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH " + "PRIVATE KEY-----",
        "pkcs8": "-----BEGIN " + f"PRIVATE KEY-----\n{some(ALNUM + '+/', 64)}\n-----END " + "PRIVATE KEY-----",
        "putty": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none",
        "postgres": f"postgres://app:{some(ALNUM, 14)}@db.internal:5432/app",
        "redis": f"redis://:{some(ALNUM, 16)}@cache:6379/0",
        "azure-storage": f"AccountName=files;AccountKey={some(ALNUM + '+/', 86)}==;EndpointSuffix=core.windows.net",
        "sas": f"https://files.blob.core.windows.net/a?sv=2022-11-02&sig={some(ALNUM, 43)}%3D",
        "ado-net": f"Server=db;Database=shop;User Id=sa;Password={some(ALNUM, 12)}!;",
        "sentry-dsn": f"https://{some(HEX, 32)}:{some(HEX, 32)}@o12345.ingest.sentry.io/42",
        "bearer": f"Authorization: Bearer {some(ALNUM, 40)}",
        "basic": "Authorization: Basic " + base64.b64encode(f"admin:{some(ALNUM, 10)}".encode()).decode(),
        "otpauth": f"otpauth://totp/ACME:me?secret={some('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 32)}&issuer=ACME",
        "random": some(ALNUM, 40),
        "random-base64": base64.b64encode(rng.randbytes(32)).decode(),
    }


def password(rng: Random) -> str:
    """One as people make them."""
    word = rng.choice(
        [
            "sunflower",
            "tiger",
            "Falcon",
            "monkey",
            "Berlin",
            "dragon",
            "Liverpool",
            "guitar",
            "coffee",
            "Winter",
            "purple",
            "ninja",
        ]
    )
    match rng.randrange(7):
        case 0:
            return f"{word.capitalize()}{rng.randrange(1900, 2030)}{rng.choice('!?#$')}"
        case 1:
            return word.replace("o", "0").replace("i", "1").capitalize() + str(rng.randrange(10, 9999))
        case 2:
            return letters(rng, ALNUM + "!@#$%^&*", 12) + "7k"
        case 3:
            return word + rng.choice("!_@.") + str(rng.randrange(10, 999))
        case 4:
            return letters(rng, LOWER, 9) + "4x"
        case 5:
            return f"{word}{rng.randrange(1, 999)}"
        case _:
            return f"P@ss{word}{rng.randrange(1, 99)}"


_SAID = """
    my password is {}|the wifi password is {}|Wifi password: {}|the guest network's password is {}
    my netflix pw is {}|password for the staging server is {}|the password to the shared drive is {}
    remember that my email password is {}|Remember: bank login, user maria, password {}|root password = {}
    {} is my gmail password|use {} as the password for the demo account
    admin / {} are the credentials for the router, password unchanged: {}|I changed the password to {} yesterday
    sudo password on the old laptop: `{}`|The password of the database user app is "{}".|VPN: user bob, pass: {}
    my new passcode is {}|Please note the passphrase for the backup: {}|la contraseña del wifi es {}
    mi contraseña es {}|Contraseña: {}|la clave del router es {}|das WLAN-Passwort ist {}|Mein Passwort lautet {}
    Passwort: {}|Kennwort für den Server: {}|le mot de passe du wifi est {}|mot de passe : {}|mon mdp est {}
    a senha do wifi é {}|minha senha: {}|la password del wifi è {}|Password del server: {}|пароль от wifi: {}
    мой пароль {}|пароль: {}|密码是{}|我的密码是 {}|WiFi密码：{}
    パスワードは{}です|パスワード：{}|비밀번호는 {} 입니다|비밀번호: {}
"""
_ASSIGNED = """
    DB_PASSWORD={}|export PGPASSWORD='{}'|MYSQL_ROOT_PASSWORD: {}|password = "{}"|"password": "{}",|'db_pass': '{}'
    spring.datasource.password={}|password: {}|smtp_password: "{}"|const password = "{}";|ADMIN_PWD={}|--password {}
    --password={}|mysql -u root -p{}|curl -u admin:{} https://api.local/v1|sshpass -p '{}' ssh root@10.0.0.5
    <password>{}</password>|requirepass {}|ALTER USER app WITH PASSWORD '{}';|user=app password={} host=db
    $env:DB_PASSWORD = "{}"|set DB_PASSWORD={}|ENV DB_PASSWORD={}
"""
_TOKENS = """
    API_KEY={}|my openweather api key is {}|Datadog api key: {}|Remember my API key is {}|the client secret is {}
    client_secret={}|"apiKey": "{}"|SECRET_KEY_BASE={}|aws_secret_access_key = {}|access token: {}|ACCESS_TOKEN={}
    token={}|auth_token: {}|X-Api-Key: {}|the service's secret key is {} (do not share)
    https://api.example.org/v1?api_key={}|mi clave api es {}|mein API-Schlüssel ist {}|ma clé API est {}
    minha chave de API é {}|我的API密钥是{}
    APIキーは{}です|API 키는 {} 입니다|мой api ключ: {}|session_token: {}
    encryption key: {}|JWT_SECRET={}|the bot token is {}|signing key {}|refresh_token={}
    here are the creds, api key {}|the private key is {}|License key: {}
"""


def _templates(text: str) -> list[str]:
    return [each.strip() for line in text.strip().splitlines() for each in line.strip().split("|")]


def secrets(rng: Random) -> Iterator[tuple[str, str]]:
    """Values that hold a secret, each with the name of what made it."""
    frames = [
        "{}",
        "remember this: {}",
        "For the deploy job use {} until Friday, then ask Maria.",
        "notes\n- buy milk\n- {}\n- call mum",
    ]
    for name, token in vendor_tokens(rng).items():
        yield f"vendor/{name}", rng.choice(frames).replace("{}", token)
    for template in _templates(_SAID) + _templates(_ASSIGNED):
        yield "password", template.replace("{}", password(rng))
    machine = [
        lambda: letters(rng, HEX, 32),
        lambda: letters(rng, ALNUM, 24),
        lambda: letters(rng, LOWER, 16) + "7q",
        lambda: "abc" + letters(rng, string.digits, 3),
    ]
    for template in _templates(_TOKENS):
        yield "token", template.replace("{}", rng.choice(machine)())
    yield from _numbers(rng)


def luhn(rng: Random, prefix: str, size: int) -> str:
    """A card's number of `size` digits that begins with `prefix`."""
    body = prefix + letters(rng, string.digits, size - 1 - len(prefix))
    total = sum(n * 2 - 9 * (n > 4) if at % 2 == 0 else n for at, n in enumerate(map(int, reversed(body))))
    return body + str(-total % 10)


def fours(text: str) -> list[str]:
    """`text` in groups of four."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def iban(rng: Random, country: str, size: int) -> str:
    """A bank account's number with right check digits."""
    body = letters(rng, string.digits, size - 4)
    whole = "".join(str(int(letter, 36)) for letter in body + country + "00")
    return f"{country}{98 - int(whole) % 97:02d}{body}"


def _numbers(rng: Random) -> Iterator[tuple[str, str]]:
    visa = luhn(rng, "4539", 16)
    yield "card", visa
    yield "card", "my visa is " + " ".join(fours(visa)) + " exp 09/29"
    yield "card", "amex " + luhn(rng, "37", 15)
    yield (
        "card",
        "mastercard: " + "-".join(fours(luhn(rng, "5412", 16))),
    )
    yield "card", "My credit card is 4532-1234-5678-9010"
    for country, size in (("DE", 22), ("FR", 27), ("ES", 24), ("AT", 20), ("PT", 25)):
        number = iban(rng, country, size)
        yield "iban", f"IBAN {number}"
        yield "iban", "transfer to " + " ".join(number[at : at + 4] for at in range(0, size, 4)) + " by Friday"
    yield "ssn", "SSN: 536-22-8714"
    yield "ssn", "my social security number is 536-22-8714"
    for said in (
        "my bank PIN is {}",
        "PIN: {}",
        "the pin code of my phone is {}",
        "SIM pin {}",
        "door code: {}#",
        "alarm code is {}",
        "mi pin es {}",
        "meine PIN ist {}",
        "gate code {}",
    ):
        yield "pin", said.replace("{}", letters(rng, string.digits, 4))
    yield "cvv", "CVV 371"
    yield "passport", "passport number: X" + letters(rng, string.digits, 7)
    yield "account", "account number 00" + letters(rng, string.digits, 8) + ", sort code 20-00-00"
    codes = [f"{letters(rng, HEX, 4)}7-{letters(rng, HEX, 4)}a" for _ in range(8)]
    yield "codes", "GitHub recovery codes:\n" + "\n".join(codes)
    yield "codes", "2fa backup codes: " + " ".join(letters(rng, string.digits, 8) for _ in range(6))
    yield "codes", "\n".join(codes)
    yield "mnemonic", "legal winner thank year wave sausage worth useful legal winner thank yellow"
    yield (
        "mnemonic",
        "my seed phrase: letter advice cage absurd amount doctor acoustic avoid letter advice cage above, keep it",
    )
    yield (
        "mnemonic",
        "\n".join(
            f"{n}. {word}"
            for n, word in enumerate(
                [
                    "void",
                    "come",
                    "effort",
                    "suffer",
                    "camp",
                    "survey",
                    "warrior",
                    "heavy",
                    "shoot",
                    "primary",
                    "clutch",
                    "crush",
                ],
                1,
            )
        ),
    )
    yield "licence", "-".join(letters(rng, UPPER, 4) + "7" for _ in range(5))
    yield "passphrase", "the passphrase is correct horse battery staple"
    yield "passphrase", "Backup passphrase: purple-monkey-dishwasher-lamp"
    yield "login", "router login: admin / " + password(rng)
    yield "whole", "Tr0ub4dor&3"
    yield "whole", "xK9#mQ2$vLp4"


def harmless(rng: Random) -> Iterator[tuple[str, str]]:
    """Values that hold none, though they look or talk like it."""
    yield from (("talk", line) for line in _templates(_TALK))
    yield from (("code", line) for line in _templates(_CODE))
    digest = hashlib.sha256(rng.randbytes(8))
    packed = base64.b64encode(digest.digest()).decode()
    yield from (
        (
            "digest",
            each.replace("{}", digest.hexdigest())
            .replace("{40}", digest.hexdigest()[:40])
            .replace("{b64}", packed)
            .replace("{512}", base64.b64encode(hashlib.sha512(packed.encode()).digest()).decode()),
        )
        for each in _templates(_DIGESTS)
    )
    for _ in range(12):
        yield "uuid", str(uuid.UUID(int=rng.getrandbits(128), version=4))
    yield "ulid", letters(rng, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26)
    yield "did", "did:key:z6Mk" + letters(rng, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 44)
    yield "cid", "Qm" + letters(rng, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 44)
    yield "peer", "12D3KooW" + letters(rng, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 44)
    yield "image", "data:image/png;base64,iVBORw0KGgo" + base64.b64encode(rng.randbytes(300)).decode()
    yield "image", "iVBORw0KGgo" + base64.b64encode(rng.randbytes(300)).decode()
    yield "pdf", "JVBERi0xLjcK" + base64.b64encode(rng.randbytes(200)).decode()
    yield "public key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + letters(rng, ALNUM, 43) + " me@laptop"
    yield (
        "public key",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
        + letters(rng, ALNUM + "+/", 86)
        + "==\n-----END PUBLIC KEY-----",
    )
    yield (
        "certificate",
        "-----BEGIN CERTIFICATE-----\nMIIB"
        + "\n".join(letters(rng, ALNUM + "+/", 64) for _ in range(6))
        + "\n-----END CERTIFICATE-----",
    )
    yield from (("number", line) for line in _templates(_NUMBERS))
    yield (
        "log",
        "\n".join(
            f"{letters(rng, HEX, 7)} Fix the {word} of the parser" for word in ("order", "speed", "name", "tests")
        ),
    )
    yield (
        "lock",
        json.dumps(
            {
                "lodash": {
                    "version": "4.17.21",
                    "resolved": "https://registry.example.org/lodash/-/lodash-4.17.21.tgz",
                    "integrity": "sha512-" + base64.b64encode(rng.randbytes(64)).decode(),
                }
            },
            indent=2,
        ),
    )
    yield "go.sum", f"golang.org/x/text v0.3.7 h1:{base64.b64encode(rng.randbytes(32)).decode()}"


_TALK = """
    I forgot my password again|the password is required for login|Password must be at least 12 characters long
    please reset your password|the token is expired|my password is too weak, I should change it
    The password was changed last week.|We rotate the API keys every 90 days|never commit secrets to git
    the secret is to use cold butter|the secret of good bread is patience|key: use the back door of the argument
    The token limit is 200000|set max_new_tokens=256|tokens: 4096|uses about 3500 tokens per request
    num_key_value_heads=8|Secretary: Janet Yellen|The secretary's phone is 555-0142|secret santa: Anna gives to Ben
    password manager: Bitwarden|password policy: minimum 14 characters, rotate yearly
    password hashing uses argon2id with 64 MiB|tokenizer: sentencepiece, vocab 32000
    api key rotation is due on 2026-12-01|the login page shows "invalid password"|error: wrong password
    Password: required|password: <your-password>|API_KEY=your_api_key_here|api_key: ${API_KEY}|TOKEN=changeme
    token: null|password: ********|export TOKEN=$(pass show github)|the PIN pad is on the left
    pin 13 of the board blinks|pinned: true|The code is on GitHub|code review at 14:30
    access code generation is documented in docs/codes.md|Our passport office appointment is on 12 March
    credit card statement arrives on the 5th|I pay with my credit card|account settings live under /account
    keyboard layout: dvorak|monkey business: 1234|la contraseña es obligatoria|olvidé mi contraseña
    das Passwort ist abgelaufen|ich habe mein Passwort vergessen|le mot de passe est requis|a senha é obrigatória
    密码是必填项
    パスワードは必須です|пароль обязателен|I use a password manager, Bitwarden, for everything
    two-factor authentication is enabled on GitHub|store secrets in the vault, not in .env
    the private key is stored in the keychain|bearer tokens expire after 60 minutes
    The token bucket refills at 10 per second|JWT tokens are signed with RS256|token_type: bearer|token_count: 8192
    PASSWORD_MIN_LENGTH=12|SECRET_NAME=prod/db|password_reset_url: https://example.org/reset
    PASSWORD_FILE=/run/secrets/db|The password is stored encrypted using bcrypt hashing
    my password is the same as before|the api key is in 1Password under "Stripe"|ask Maria for the password
    what is the wifi password?|The passphrase should be four random words|the password for the wifi is on the fridge
    secret sauce: ketchup and mayo|top secret: we are planning a party for Tom
    api keys are managed by the platform team|access token expired, please log in again
    session cookie is set by the server
"""
_CODE = """
    password = os.environ["DB_PASSWORD"]|token = request.headers.get("Authorization")|api_key = settings.API_KEY
    const token = await getToken();|def login(username: str, password: str) -> Token:
    login(username=username, password=password)|apiKey: process.env.API_KEY|secret: SecretStr
    password: ${{ secrets.DB_PASSWORD }}|self.token = token|if token is None: raise ValueError("token missing")
    password: {{ vault_db_password }}|secretKeyRef: {name: db, key: password}|print(f"token: {token}")
    "password": {"type": "string", "minLength": 8}|token: Optional[str] = None
    <input type="password" name="password">|key = "primary"|sort_key=created_at
    public_key: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p|for token in tokens: count += 1
    tokens = text.split()|pass; continue|passed: 12, failed: 0|bypass = True|compass: N34
    var secretName = "db-credentials"|password_field = driver.find_element("id", "password")
    api_key = "<YOUR_API_KEY>"|Authorization: Bearer <token>|Authorization: Bearer $TOKEN
    curl -H "Authorization: Bearer ${TOKEN}" https://api.example.org
    postgres://user:<password>@localhost/db|postgres://${USER}:${PASS}@db/app|api_key=None
"""
_DIGESTS = """
    sha256:{}|{}|commit {40}|{40}|integrity: sha512-{512}|sha384-{b64}|SHA256:{b64}|etag: "{40}"
    image: registry.example.org/app@sha256:{}|Checked out {40} on main|md5: d41d8cd98f00b204e9800998ecf8427e
    checksum={}
"""
_NUMBERS = """
    ISBN 978-3-16-148410-0|call me at +1 (555) 014-2231|+49 30 901820|order 4400-1234-5678-9012
    order number 1234567812345678|coordinates 52.520008, 13.404954|version 1.2.3-beta.4+build.567
    tracking 1Z999AA10123456784|1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. Ba4 Nf6 5. O-O Be7
    2 cups flour, 1 tsp salt, 350 g butter, bake at 180C for 25 min|2026-11-25T18:22:10.123Z|192.168.1.10/24
    fe80::1ff:fe23:4567:890a|EAN 4006381333931|invoice INV-2026-00417
    flight LH 2043 seat 12A, booking ref shown at the gate|timestamp 1763145600000|9007199254740993
    3.14159265358979323846|rgb(12, 200, 30) #ff8800|IPv6 2001:0db8:85a3:0000:0000:8a2e:0370:7334
    MAC 00:1A:2B:3C:4D:5E|v22.11.0 (LTS)
    Shall I compare thee to a summer's day? Thou art more lovely and more temperate
    python rust golang docker kubernetes terraform ansible postgres redis kafka nginx grafana
    milk eggs bread butter cheese apples bananas yoghurt coffee rice beans onions
    /home/maria/projects/2026/report-final-v3.pdf
    https://example.org/posts/2026/11/how-we-build-things?page=2&sort=newest
    https://www.youtube.com/watch?v=dQw4w9WgXcQ|git@github.com:maria/tools.git|npm i @scope/package@1.2.3 --save-dev
    user@example.org|com.example.app.MainActivity$InnerClass|AbstractSingletonProxyFactoryBean
    test_that_a_very_long_function_name_is_fine_2|ThisIsALongCamelCaseIdentifier2
    font-family: "Inter var", system-ui|arn:aws:iam::123456789012:role/deploy|us-east-1
"""
