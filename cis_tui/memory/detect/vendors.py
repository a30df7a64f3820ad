"""How secrets that need no name look: private keys, tokens of vendors, URLs and headers that carry one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

_KEYS = (
    ("a private key", "PRIVATE KEY", r"PRIVATE KEY(?: BLOCK)?-----"),
    ("a private key (age)", "AGE-", r"AGE-SECRET-KEY-1[0-9A-Z]{20}|AGE-PLUGIN-[A-Z0-9]{1,32}-1[0-9A-Z]{20}"),
    ("a private key (PuTTY)", "PuTTY-User-Key-File-", r""),
    ("a private key (PuTTY)", "Private-Lines: ", r""),
    ("a private key (JWK)", '"d"', r'"d"\s?:\s?"[\w-]{40}'),
    ("a private key (OpenSSH)", "b3BlbnNzaC1rZXktdjE", r""),
    ("a private key (WireGuard)", "PrivateKey", r"PrivateKey\s?=\s?[A-Za-z0-9+/]{42}[A-Za-z0-9+/=]{2}"),
    ("a secret of one-time passwords", "otpauth", r"[?&](?:secret|data)=\w"),
    ("an extended private key", "prv", r"\b[xyzt]prv[1-9A-HJ-NP-Za-km-z]{80}"),
)
"""Name, letters that must be there, and the whole form where they do not suffice; anywhere in a text."""

_TOKENS = (
    ("an AWS access key", "AKIA ASIA ABIA ACCA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("an AWS access key", "A3T", r"[A-Z0-9]{17}(?![A-Za-z0-9])"),
    ("an AWS Bedrock key", "ABSK", r"[A-Za-z0-9+/]{80}"),
    ("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{20}"),
    ("a GitHub token", "github_pat_", r"\w{20}"),
    (
        "a GitLab token",
        "glpat- glcbt- gldt- glft- glimt- gloas- glptt- glrt- glrtr- glsoat- glagent- glffct- glwt-",
        r"[\w-]{16}",
    ),
    ("a GitLab token", "GR1348941", r"[\w-]{16}"),
    ("a Slack token", "xox", r"[abceoprsd](?:\.xox[bp])?-[\w-]{10}"),
    ("a Slack token", "xapp-", r"\d-[\w-]{10}"),
    ("an Anthropic key", "sk-ant-", r"[\w-]{16}"),
    ("an OpenAI key", "sk-proj- sk-svcacct- sk-admin- sk-None-", r"[\w-]{16}"),
    ("an OpenAI session", "sess-", r"[A-Za-z0-9]{40}"),
    ("an API key (sk-)", "sk-", r"(?=[a-zA-Z_-]{0,40}\d)[\w-]{16}|[A-Za-z0-9]{20}"),
    ("a Stripe key", "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_", r"\w{8}"),
    ("a webhook's secret", "whsec_", r"[A-Za-z0-9+/]{16}"),
    ("a Google API key", "AIza", r"[\w-]{30}"),
    ("a Google OAuth secret", "GOCSPX-", r"[\w-]{20}"),
    ("a Google access token", "ya29.", r"[\w-]{20}"),
    ("a Google refresh token", "1//0", r"[\w-]{24}"),
    ("a Hugging Face token", "hf_", r"[A-Za-z0-9]{24}"),
    ("a Hugging Face token", "api_org_", r"[A-Za-z0-9]{30}"),
    ("an npm token", "npm_", r"[A-Za-z0-9]{24}"),
    ("a PyPI token", "pypi-A", r"[\w-]{20}"),
    ("a RubyGems key", "rubygems_", r"[0-9a-f]{40}"),
    ("a crates.io token", "cio", r"[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    ("a NuGet key", "oy2", r"[a-z0-9]{43}(?![a-z0-9])"),
    ("a Clojars token", "CLOJARS_", r"[a-z0-9]{40}"),
    ("a Docker token", "dckr_pat_ dckr_oat_", r"[\w-]{20}"),
    ("a SendGrid key", "SG.", r"[\w-]{16,32}\.[\w-]{16}"),
    ("a Mailgun key", "key-", r"[0-9a-f]{32}"),
    ("a Mandrill key", "md-", r"[A-Za-z0-9_-]{22}(?![\w-])"),
    ("a Brevo key", "xkeysib- xsmtpsib-", r"[0-9a-f]{40}"),
    ("a Resend key", "re_", r"[A-Za-z0-9]{8,10}_[A-Za-z0-9]{20}"),
    ("a Postman key", "PMAK-", r"[0-9a-f]{20}"),
    ("a Twilio key", "SK AC", r"[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("a Discord token", "M N O", r"[A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27}"),
    ("a Discord token", "mfa.", r"[\w-]{60}"),
    ("a DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", r"[0-9a-f]{32}"),
    ("a Shopify token", "shpat_ shpca_ shppa_ shpss_ shptka_", r"[0-9a-fA-F]{24}"),
    ("a Square token", "sq0", r"[a-z]{3}-[\w-]{20}"),
    ("a Square token", "EAAA", r"[A-Za-z0-9_-]{50}"),
    ("a PayPal token", "access_token$", r"(?:production|sandbox)\$[0-9a-z]{13}\$[0-9a-f]{32}"),
    ("a Facebook token", "EAA", r"[A-Z][A-Za-z0-9]{60}"),
    ("an Instagram token", "IGQV", r"[\w-]{40}"),
    ("a Twitter token", "AAAAAAAAAAAAAAAAAAAAA", r"[A-Za-z0-9%]{40}"),
    ("a Heroku key", "HRKU-", r"[\w-]{30}"),
    ("a Linear key", "lin_api_ lin_oauth_ lin_wh_", r"[A-Za-z0-9]{24}"),
    ("a Notion token", "ntn_", r"[A-Za-z0-9]{30}"),
    ("a Notion token", "secret_", r"[A-Za-z0-9]{40}"),
    ("a Figma token", "figd_ figo_ figp_ figu_ figur_ figoh_ figoar_", r"[\w-]{30}"),
    ("a Databricks token", "dapi dose", r"[0-9a-f]{32}"),
    ("a Grafana token", "glsa_ glc_", r"[A-Za-z0-9+/]{24}"),
    ("a Grafana key", "eyJrIjoi", r"[A-Za-z0-9]{30}"),
    ("a Vault token", "hvs. hvb. hvr.", r"[\w-]{20}"),
    ("a Vault token", "s. b. r.", r"(?=[A-Za-z]{0,22}\d)[A-Za-z0-9]{24}(?![A-Za-z0-9])"),
    ("a Supabase key", "sbp_ sb_secret_", r"[A-Za-z0-9]{20}"),
    ("a Cloudflare key", "v1.0-", r"[0-9a-f]{24}-[0-9a-f]{100}"),
    ("a Cloudflare token", "cfut_ cfat_ cfk_", r"[A-Za-z0-9]{36}"),
    ("a New Relic key", "NRAK- NRII- NRJS- NRAA- NRSP- NRIQ- NRRA-", r"[A-Za-z0-9_-]{16}"),
    ("a Datadog key", "ddpat_ ddapp_ ddapi_", r"[A-Za-z0-9]{24}"),
    ("a Sentry token", "sntrys_ sntryu_", r"[\w+/=-]{30}"),
    ("a Tailscale key", "tskey-", r"(?:[a-z]{3,12}-)?[A-Za-z0-9]{8}[\w-]{6}"),
    ("a Fly.io token", "fo1_", r"[\w-]{30}"),
    ("a Fly.io token", "fm1a_ fm1r_ fm2_", r"[A-Za-z0-9+/]{40}"),
    ("a Doppler token", "dp.", r"(?:pt|st|ct|sa|scim|audit|said)\.(?:[\w-]{1,35}\.)?[A-Za-z0-9]{30}"),
    ("a 1Password token", "ops_eyJ", r"[\w+/=-]{40}"),
    ("a 1Password key", "A3-", r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-"),
    ("an Atlassian token", "ATATT ATCTT ATBB ATSTT", r"[A-Za-z0-9_=-]{20}"),
    ("an Asana token", "0/ 1/ 2/", r"\d{12,20}(?:/\d{12,20})?:[0-9a-f]{32}"),
    ("a Dropbox token", "sl.", r"(?:u\.)?[A-Za-z0-9_-]{60}"),
    ("a PlanetScale password", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[\w.=-]{24}"),
    ("a Pulumi token", "pul-", r"[0-9a-f]{40}"),
    ("an Airtable token", "pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{40}"),
    ("an Airtable key", "key", r"(?=[A-Za-z]{0,13}\d)(?=[a-z0-9]{0,13}[A-Z])[A-Za-z0-9]{14}(?![A-Za-z0-9])"),
    ("a LaunchDarkly key", "sdk- api- mob- rel-", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("an Okta token", "00", r"(?=[\w-]{0,39}[A-Z])(?=[\w-]{0,39}[a-z])(?=[\w-]{0,39}\d)[\w-]{40}(?![\w-])"),
    ("a JFrog key", "AKC", r"[a-z0-9][A-Za-z0-9]{40}"),
    ("a JFrog token", "cmVmd", r"[A-Za-z0-9+/]{40}"),
    ("a Buildkite token", "bkua_ bkaj_ bkct_", r"[0-9a-f]{32}"),
    ("a CircleCI token", "CCIPAT_ CCIPRJ_", r"[A-Za-z0-9]{16}_[0-9a-f]{32}"),
    ("a Sonar token", "sqa_ sqp_ squ_", r"[0-9a-f]{32}"),
    ("a Snyk token", "snyk_uat. snyk_sat.", r"[\w.-]{20}"),
    ("a Prefect token", "pnu_ pnb_", r"[A-Za-z0-9]{30}"),
    ("a Perplexity key", "pplx-", r"[A-Za-z0-9]{24}"),
    ("a Groq key", "gsk_", r"[A-Za-z0-9]{24}"),
    ("an xAI key", "xai-", r"[A-Za-z0-9]{40}"),
    ("a Replicate token", "r8_", r"[A-Za-z0-9]{30}"),
    ("a Fireworks key", "fw_ fw- fpk_", r"[A-Za-z0-9]{20}"),
    ("an AgentMail key", "am_", r"(?:org_)?(?=[A-Za-z]{0,20}\d)[A-Za-z0-9]{24}"),
    ("a Together key", "tgp_v1_", r"[\w-]{30}"),
    ("a Tavily key", "tvly-", r"(?:dev-|prod-)?[A-Za-z0-9]{20}"),
    ("a Firecrawl key", "fc-", r"[0-9a-f]{32}"),
    ("an Exa key", "exa_", r"[A-Za-z0-9]{20}"),
    ("a LangSmith key", "lsv2_pt_ lsv2_sk_ ls__", r"[0-9a-f]{32}"),
    ("a Pinecone key", "pcsk_", r"[A-Za-z0-9_]{40}"),
    ("an ElevenLabs key", "sk_", r"[0-9a-f]{40}"),
    ("a key (sk_)", "sk_", r"(?=[a-z_]{0,24}\d|[a-z0-9]{0,24}[A-Z])[A-Za-z0-9]{24}"),
    ("an NVIDIA key", "nvapi-", r"[\w-]{40}"),
    ("an Alibaba key", "LTAI", r"[A-Za-z0-9]{12,24}(?![A-Za-z0-9])"),
    ("a Tencent key", "AKID", r"[A-Za-z0-9]{32}"),
    ("a Yandex key", "AQVN", r"[\w-]{35}"),
    ("a Yandex token", "t1.", r"[\w-]{1,200}=?=?\.[\w-]{80}"),
    ("a Yandex token", "y0_ y1_ y2_ y3_", r"[\w-]{50}"),
    ("an Azure key", "AccountKey= SharedAccessKey=", r"[A-Za-z0-9+/]{30}"),
    ("an OpenShift token", "sha256~", r"[\w-]{40}"),
    ("a Dynatrace token", "dt0", r"[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{40}"),
    ("an EasyPost key", "EZAK EZTK", r"[A-Za-z0-9]{40}"),
    ("a Contentful token", "CFPAT-", r"[\w-]{40}"),
    ("a Typeform token", "tfp_", r"[\w-]{30}"),
    ("a ReadMe key", "rdme_", r"[a-z0-9]{60}"),
    ("a Shippo token", "shippo_live_ shippo_test_", r"[0-9a-f]{30}"),
    ("a Duffel token", "duffel_live_ duffel_test_", r"[\w-]{30}"),
    ("a Flutterwave key", "FLWSECK", r"[_-](?:TEST-)?[A-Za-z0-9]{12}"),
    ("a Frame.io token", "fio-u-", r"[\w=-]{40}"),
    ("an Octopus key", "API-", r"[A-Z0-9]{25,32}(?![A-Z0-9])"),
    ("a Scalingo token", "tk-us-", r"[\w-]{40}"),
    ("a Netlify token", "nfp_", r"[A-Za-z0-9]{30}"),
    ("a Vercel token", "vercel_blob_rw_ vcp_ vci_ vca_ vcr_ vck_", r"\w{20}"),
    ("a Neon key", "napi_", r"[a-z0-9]{40}"),
    ("a Render key", "rnd_", r"[A-Za-z0-9]{24}"),
    ("a Sourcegraph token", "sgp_", r"(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}"),
    ("a Segment token", "sgp_", r"[A-Za-z0-9]{40}"),
    ("a Harness token", "pat. sat.", r"[\w-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}"),
    ("a Plaid token", "access-", r"(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}"),
    ("a Mapbox token", "sk.eyJ tk.eyJ", r"[\w-]{40}"),
    ("an Intra42 secret", "s-s4t2ud- s-s4t2af-", r"[0-9a-f]{40}"),
    ("an Adobe secret", "p8- p8e-", r"[A-Za-z0-9_-]{32}(?![\w-])"),
    ("a PostHog key", "phx_ phs_", r"[A-Za-z0-9]{30}"),
    ("a HubSpot token", "pat-", r"(?:na|eu|ap)\d-[0-9a-f]{8}-[0-9a-f]{4}-"),
    ("an n8n key", "n8n_api_", r"[A-Za-z0-9]{30}"),
    ("a GitBook key", "gb_api_", r"[A-Za-z0-9]{30}"),
    ("a ClickUp token", "pk_", r"\d{6,9}_[A-Z0-9]{32}"),
    ("an ngrok token", "2", r"[A-Za-z0-9]{26}_[A-Za-z0-9]{20,22}(?!\w)"),
    ("an Infracost key", "ico-", r"[A-Za-z0-9]{32}"),
    ("a Confluent key", "cflt", r"[A-Za-z0-9/+]{50}"),
    ("a ClickHouse key", "4b1d", r"[A-Za-z0-9]{38}(?![A-Za-z0-9])"),
    ("a JSON web token", "eyJ", r"[\w-]{8,4096}\.[\w-]{8}"),
)
"""Name, beginnings and rest; a beginning stands where a word begins: each letter is looked at once or so."""

_MARKED = (
    ("a Telegram bot token", ":A", r"(?<!\d)\d{8,10}:A[\w-]{28}"),
    ("a Mailchimp key", "-us", r"(?<![0-9a-z])[0-9a-f]{32}-us\d{1,2}(?!\d)"),
    ("a Mailgun key", "-", r"(?<![0-9a-z-])[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![0-9a-f-])"),
    ("an Azure secret", "Q~", r"(?<![\w~.])[A-Za-z0-9_~.]{3}\dQ~[\w~.-]{31}"),
    ("a Terraform token", ".atlasv1.", r"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{40}"),
    ("an Azure DevOps token", "AZDO", r"(?<![A-Za-z0-9])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"),
    ("a MaxMind key", "_mmk", r"(?<![A-Za-z0-9])[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk"),
    ("a New Relic key", "NRAL", r"(?<![0-9a-z])[0-9a-f]{36}NRAL"),
    ("a signature of an address", "sig=", r"[?&;]sig=[A-Za-z0-9%+/]{30}"),
    ("a Fly.io token", "FlyV1 ", r"FlyV1 [\w+/=,]{30}"),
    ("a GitLab session", "_gitlab_session=", r"_gitlab_session=\w{16}"),
)
"""Name, letters that must be there, and the whole form."""

_CARRIERS = (
    ("a password in a URL", "//", r"//[^\s/@:'\"<>]{0,64}:(?P<given>[^\s/@'\"<>]{2,128})@"),
    ("a token in a URL", "://", r"://(?P<given>(?=[a-z_-]{0,24}\d)[\w-]{12,128}|[\w-]{20,128})@"),
    (
        "a token in a URL",
        "=",
        (
            r"[?&;#](?:[a-z]{1,12}(?:[_-]|%(?:25)?5f))?(?:api[_-]?key|access[_-]?token|auth[_-]?token|token|secret|password|passwd|pwd|sig|"
            r"signature|x-amz-(?:signature|security-token)|x-goog-signature|code|key|session|auth|jwt|client[_-]?secret)"
            r"=(?P<given>[^\s&'\"<>#]{6,256})"
        ),
    ),
    (
        "a Slack webhook",
        "hooks.slack",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/(?P<given>[\w/+-]{16})",
    ),
    (
        "a Discord webhook",
        "/webhooks/",
        r"discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{15,21}/(?P<given>[\w-]{20})",
    ),
    ("a Teams webhook", "webhook.office.com", r"webhook\.office\.com/webhookb2/(?P<given>\w{6})"),
    ("a webhook", "logic.azure.com", r"\.logic\.azure\.com[^\s]{1,120}?[?&]sig=(?P<given>\w{4})"),
    (
        "a webhook",
        "webhook",
        r"(?:qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=|(?:hooks|webhooks?)\.[a-z0-9.-]{2,40}/\S{0,60}?/)(?P<given>[\w-]{20})",
    ),
    ("a webhook", "hook", r"(?:hooks\.zapier\.com/hooks/catch/|open-apis/bot/v2/hook/)(?P<given>[\w/-]{8})"),
    ("a webhook", "chat.googleapis", r"chat\.googleapis\.com/v1/spaces/[\w-]{1,40}/messages\?key=(?P<given>\w{4})"),
    ("a Telegram bot token", "api.telegram", r"api\.telegram\.org/bot(?P<given>\d{6})"),
    (
        "an authorization header",
        "authorization",
        r"authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:(?:bearer|basic|token|apikey|digest|negotiate|aws4-hmac-sha256|key)\s{1,3})?(?P<given>[\w.~+/=:-]{8,256})",
    ),
    ("a bearer token", "bearer", r"\bbearer\s{1,2}(?P<given>[\w.~+/=-]{16,256})"),
    (
        "an authorization header",
        "basic",
        r"\bbasic\s{1,2}(?P<given>(?=[a-z+/]{0,64}[\d=])[\w+/]{12,256}={0,2})(?![\w-])",
    ),
    (
        "a header with a key",
        "x-",
        r"x-(?:[a-z]{1,16}-){0,3}(?:api-?key|token|auth|secret|key)[\"']?\s{0,3}:\s{0,3}[\"']?(?P<given>[\w.~+/=-]{6,256})",
    ),
)
"""Name, letters that must be there, and the whole form in small letters; `given` must not be a placeholder."""

_COMMANDS = (
    (r"curl|wget|http", r"\s(?:-u|--user)[= ]{0,2}[\"']?[^\s:\"']{1,48}:(?P<given>[^\s\"']{3,96})"),
    (r"mysql|mariadb|mongo", r"\s-p(?P<given>[^\s\"'-][^\s\"']{3,64})"),
    (r"sshpass", r"\s-p\s{0,3}[\"']?(?P<given>[^\s\"']{3,64})"),
    (
        r"\b(?:docker|podman|helm|az|redis-cli|mongosh?|sqlcmd|ldapsearch|smbclient|net\suse)\b",
        r"\s-(?:p|a|w)\s{1,2}[\"']?(?P<given>[^\s\"'-][^\s\"']{5,64})",
    ),
    ("", r"(?:requirepass\s{1,3}|(?:identified\sby|(?:with|login)\spassword)\s{1,3}[\"'])(?P<given>[^\s\"';]{4,64})"),
)
"""A command, and how it is given a password."""

_COMMAND_LENGTH = 120


def private_key(text: str) -> str:
    """What private key `text` holds; empty when none."""
    for (name, mark, _), pattern in zip(_KEYS, _compiled_keys(), strict=True):
        if mark in text and pattern.search(text):
            return name
    return ""


def tokens_in(text: str) -> Iterator[tuple[str, str]]:
    """What looks like a token of a vendor, with what it is."""
    pattern, names = _compiled_tokens()
    for found in pattern.finditer(text):
        yield found.group(), names[found.lastindex or 0]
    for (name, mark, _), form in zip(_MARKED, _compiled_marked(), strict=True):
        if mark in text:
            for found in form.finditer(text):
                yield found.group(), name


def beginnings() -> Iterator[str]:
    """What tokens of vendors begin with."""
    return (begin for _, starts, _ in _TOKENS for begin in starts.split())


def commanded_in(low: str) -> Iterator[tuple[int, int]]:
    """Where a command or a statement is given what may be a password. `low`: a text in small letters."""
    for command, form in _compiled_commands():
        for found in form.finditer(low):
            if command.search(low, max(0, found.start() - _COMMAND_LENGTH), found.start()):
                yield found.span("given")


def carried_in(low: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Where URLs and headers carry what may be a secret, with what it is. `low`: a text in small letters."""
    for (name, mark, _), form in zip(_CARRIERS, _compiled_carriers(), strict=True):
        if mark in low:
            for found in form.finditer(low):
                yield found.span("given"), name


@cache
def _compiled_keys() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(form or re.escape(mark)) for _, mark, form in _KEYS)


@cache
def _compiled_marked() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(form) for _, _, form in _MARKED)


@cache
def _compiled_commands() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    return tuple((re.compile(command), re.compile(form)) for command, form in _COMMANDS)


@cache
def _compiled_carriers() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(form) for _, _, form in _CARRIERS)


@cache
def _compiled_tokens() -> tuple[re.Pattern[str], dict[int, str]]:
    """One pattern for all, and what its groups are; by first letters, so that one comparison skips most."""
    by_letter: dict[str, list[str]] = {}
    names: dict[int, str] = {}
    rows = [(name, start, rest) for name, starts, rest in _TOKENS for start in starts.split()]
    for name, start, rest in sorted(rows, key=lambda row: row[1][0]):
        names[len(names) + 1] = name
        by_letter.setdefault(start[0], []).append(f"({re.escape(start[1:])}{rest})")
    branches = "|".join(f"{re.escape(letter)}(?:{'|'.join(forms)})" for letter, forms in by_letter.items())
    return re.compile(f"(?<![\\w-])(?:{branches})"), names
