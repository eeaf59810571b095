//! What profile and catalog say about the tokens of one server.

use serde_json::Value;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::gateway::hub::Body;
use crate::model::{OAuthEntry, ProfileName, RemoteTransport, SecretEntry, SecretValue, ServerName};
use crate::profile::{OAuthGrant, OAuthSpec};
use crate::runtime::RemotePlan;
use crate::secrets::{self, SecretBroker, SecretKey};

/// The keys of a catalog's `oauth` that say what a profile's `oauth` could say.
const KEYS: [&str; 6] = ["issuer", "clientId", "clientSecret", "clientMetadataUrl", "redirectUri", "grant"];

/// One server whose tokens are looked after.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OAuthServer {
    pub(super) profile: ProfileName,
    pub(super) name: ServerName,
    pub(super) url: Url,
    pub(super) transport: RemoteTransport,
    pub(super) allow_private: bool,
    /// Whether profile or catalog say that it needs a token.
    pub(super) declared: bool,
    pub(super) spec: OAuthSpec,
    secret: Option<ClientSecret>,
    /// Whether the settings are the profile's, and not the catalog's.
    is_operators: bool,
}

/// Where the secret of a registered client is kept.
#[derive(Clone, Debug, PartialEq)]
enum ClientSecret {
    /// Under the key that the profile names.
    Key(SecretKey),
    /// With the secrets that the catalog entry declares; a catalog cannot name any other.
    Declared(SecretEntry),
}

impl OAuthServer {
    /// What is to be known about a server that is reached as the plan says.
    ///
    /// The profile's `oauth` replaces the catalog's as a whole, so that no part of one is used with a part of the other.
    ///
    /// # Errors
    /// `InvalidConfig` when the settings cannot be right.
    pub(super) fn of(profile: &ProfileName, body: &Body, plan: &RemotePlan) -> Result<Self> {
        let entry = &body.entry;
        let wrong = |error: Error| error.with_context("server", &entry.name);
        let (mut spec, secret) = match (&body.spec.oauth, &entry.oauth) {
            (Some(spec), _) => {
                let key = spec.client_secret.as_deref().map(SecretKey::parse).transpose().map_err(wrong)?;
                (spec.clone(), key.map(ClientSecret::Key))
            }
            (None, Some(oauth)) => {
                let spec = of_catalog(oauth).map_err(wrong)?;
                let secret = spec.client_secret.as_deref().map(|name| declared(&entry.secrets, name)).transpose();
                (spec, secret.map_err(wrong)?)
            }
            (None, None) => (OAuthSpec::default(), None),
        };
        if spec.scopes.is_empty() {
            spec.scopes = entry.oauth.as_ref().map(|oauth| oauth.scopes.clone()).unwrap_or_default();
        }
        let mut url = Url::parse(&plan.url).map_err(|cause| {
            wrong(Error::new(ErrorKind::InvalidConfig, format!("address of the server cannot be read: {cause}")))
        })?;
        url.set_fragment(None);
        let server = Self {
            profile: profile.clone(),
            name: entry.name.clone(),
            url,
            transport: plan.transport,
            allow_private: plan.allow_private,
            declared: body.spec.oauth.is_some() || entry.oauth.is_some(),
            spec,
            secret,
            is_operators: body.spec.oauth.is_some(),
        };
        server.check().map_err(wrong)?;
        Ok(server)
    }

    fn check(&self) -> Result<()> {
        let wrong = |why: &'static str| Err(Error::new(ErrorKind::InvalidConfig, why));
        let spec = &self.spec;
        if spec.client_secret.is_some() && (spec.client_id.is_none() || spec.issuer.is_none()) {
            return wrong("`oauth.clientSecret` needs `oauth.clientId` and `oauth.issuer`, who alone receives it");
        }
        if self.is_unattended() && spec.client_secret.is_none() {
            return wrong("`oauth.grant: clientCredentials` needs `oauth.clientId`, `clientSecret` and `issuer`");
        }
        let is_address = |text: &str| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        if !spec.issuer.as_deref().is_none_or(is_address) {
            return wrong("`oauth.issuer` is no address");
        }
        let is_document = |text: &str| Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.path() != "/");
        if !spec.client_metadata_url.as_deref().is_none_or(is_document) {
            return wrong("`oauth.clientMetadataUrl` is no `https` address of a document");
        }
        if spec.redirect_uri.as_deref().is_some_and(|text| Url::parse(text).is_err()) {
            return wrong("`oauth.redirectUri` is no address");
        }
        Ok(())
    }

    /// Whether tokens are got without anybody's consent.
    pub(super) fn is_unattended(&self) -> bool {
        self.spec.grant == OAuthGrant::ClientCredentials
    }

    /// The address that tokens are for, where the server publishes no other name for itself; and what kept tokens are
    /// bound to.
    pub(super) fn resource(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        let text = url.to_string();
        if url.path() == "/" { text.trim_end_matches('/').to_owned() } else { text }
    }

    /// The addresses that the operator named.
    pub(super) fn homes(&self) -> Vec<Url> {
        let issuer = self.spec.issuer.as_deref().filter(|_| self.is_operators);
        let issuer = issuer.and_then(|issuer| Url::parse(issuer).ok());
        [Some(self.url.clone()), issuer].into_iter().flatten().collect()
    }

    /// The secret of the registered client, if it has one.
    ///
    /// # Errors
    /// `MissingSecret` when it is not set; what the broker says.
    pub(super) async fn client_secret(&self, broker: &dyn SecretBroker) -> Result<Option<SecretValue>> {
        match &self.secret {
            None => Ok(None),
            Some(ClientSecret::Declared(entry)) => secrets::resolve(broker, &self.profile, &self.name, entry).await,
            Some(ClientSecret::Key(key)) => match broker.get(key).await?.filter(|value| !value.is_empty()) {
                Some(value) => Ok(Some(value)),
                None => Err(Error::new(ErrorKind::MissingSecret, format!("secret `{key}` is not set"))
                    .with_context("server", &self.name)
                    .with_hint(format!("set it with `mcp-gateway secret set {key}`"))),
            },
        }
    }

    /// The command that a person has to run.
    pub(super) fn command(&self) -> String {
        let profile = match self.profile.as_str() {
            "default" => String::new(),
            name => format!(" --profile {name}"),
        };
        format!("run `mcp-gateway oauth authorize {}{profile}`", self.name)
    }

    /// Why a call fails that needs a token.
    pub(super) fn needed(&self) -> Error {
        Error::new(ErrorKind::Unauthorized, format!("server `{}` needs authorization", self.name))
            .with_hint(self.command())
    }
}

/// What a catalog says in the keys of a profile; its `scopes` are a field of their own.
fn of_catalog(oauth: &OAuthEntry) -> Result<OAuthSpec> {
    let known = oauth.extra.iter().filter(|(key, _)| KEYS.contains(&key.as_str()));
    let known = known.map(|(key, value)| (key.clone(), value.clone())).collect();
    serde_json::from_value(Value::Object(known)).map_err(|cause| {
        Error::new(ErrorKind::InvalidConfig, format!("`oauth` of the catalog entry cannot be read: {cause}"))
    })
}

fn declared(secrets: &[SecretEntry], name: &str) -> Result<ClientSecret> {
    let found = secrets.iter().find(|secret| secret.name == name).cloned().map(ClientSecret::Declared);
    found.ok_or_else(|| {
        Error::new(ErrorKind::InvalidConfig, "`oauth.clientSecret` of the catalog entry is none of its `secrets`")
            .with_context("name", name)
    })
}
