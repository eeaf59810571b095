//! How the tokens of well-known providers look.

/// One kind of token.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Every token of this kind begins with one of these.
    pub(super) starts: &'static [&'static str],
    /// The whole of it, from its beginning on.
    pub(super) form: &'static str,
}

const fn kind(name: &'static str, starts: &'static [&'static str], form: &'static str) -> Kind {
    Kind { name, starts, form }
}

/// The kinds, by what they are called in profiles and audit records.
pub(super) const KINDS: &[Kind] = &[
    kind("age-key", &["AGE-SECRET-KEY-1"], "AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    kind("anthropic", &["sk-ant-"], "sk-ant-[a-z]+[0-9]{2}-[A-Za-z0-9_-]{60,}"),
    kind("aws-access-key", &["AKIA", "ASIA"], "(?:AKIA|ASIA)[A-Z2-7]{16}"),
    kind("digitalocean", &["dop_v1_", "doo_v1_", "dor_v1_"], "do[opr]_v1_[a-f0-9]{64}"),
    kind("docker-hub", &["dckr_pat_", "dckr_oat_"], "dckr_[op]at_[A-Za-z0-9_-]{27,}"),
    kind("github", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], "gh[oprsu]_[A-Za-z0-9]{36,255}"),
    kind("github-fine-grained", &["github_pat_"], "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    kind("gitlab", &["glpat-", "gldt-", "glrt-", "glptt-"], "gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_-]{20,}"),
    kind("google-api-key", &["AIza"], "AIza[A-Za-z0-9_-]{35}"),
    kind("google-oauth", &["ya29.", "GOCSPX-"], "(?:ya29\\.[A-Za-z0-9_-]{30,}|GOCSPX-[A-Za-z0-9_-]{28})"),
    kind("hugging-face", &["hf_"], "hf_[A-Za-z]{34}"),
    kind("jwt", &["eyJ"], "eyJ[A-Za-z0-9_-]{12,}\\.eyJ[A-Za-z0-9_-]{12,}\\.[A-Za-z0-9_-]{20,}"),
    kind("npm", &["npm_"], "npm_[A-Za-z0-9]{36}"),
    kind("openai", &["sk-"], "sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}"),
    // The body alone is the key, so one that is cut off counts.
    kind(
        "private-key",
        &["-----BEGIN "],
        "-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\\\\+[nr]|[A-Za-z0-9+/=\\s:,.]){64,}(?:-----END [A-Z0-9 ]{0,40}-----)?",
    ),
    kind("pypi", &["pypi-AgEI"], "pypi-AgEI[A-Za-z0-9_-]{50,}"),
    kind("sendgrid", &["SG."], "SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}"),
    kind("slack", &["xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxr-", "xoxs-"], "xox[abeprs]-[A-Za-z0-9-]{20,}"),
    kind("slack-app", &["xapp-"], "xapp-[0-9]-[A-Z0-9]{8,}-[0-9]+-[A-Za-z0-9]{30,}"),
    kind(
        "slack-webhook",
        &["hooks.slack.com/services/"],
        "hooks\\.slack\\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,}",
    ),
    kind(
        "stripe",
        &["sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"],
        "(?:[rs]k_(?:live|test)_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/=]{32,})",
    ),
    kind("vault", &["hvs.", "hvb."], "hv[bs]\\.[A-Za-z0-9_-]{24,}"),
];
