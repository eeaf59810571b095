//! What profile and catalog together say about one server.

use std::time::Duration;

use crate::error::Result;
use crate::model::{ImageReference, Limits, NetworkRule, ServerEntry, ServerName, Signer, VerifyMode, VerifyRule};
use crate::profile::{
    Isolation, NetworkSpec, NetworkWord, ProfileSpec, ServerSpec, SurfacesSpec, VerifySpec, parse_duration,
};

use super::redact::Rules;
use super::selection::Selection;

/// How long a server may be idle by default: 5 minutes.
const DEFAULT_IDLE: Duration = Duration::from_secs(5 * 60);

/// The settings of one server, resolved: the server's own, then the profile's, then the catalog's, then the defaults.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) isolation: Isolation,
    /// `None` keeps it running.
    pub(crate) idle: Option<Duration>,
    pub(crate) network: NetworkRule,
    pub(crate) selection: [Selection; 2],
    /// What happens to secrets in what flows.
    pub(crate) redaction: Rules,
    pub(crate) verify: VerifySettings,
    /// What is held back of what it offers.
    pub(crate) surfaces: SurfacesSpec,
}

/// What is asked of the images of one server.
#[derive(Clone, Debug)]
pub(crate) struct VerifySettings {
    /// The server's own word.
    own: Option<VerifyMode>,
    profile: VerifySpec,
    /// The word of the catalog, or of whoever registered it.
    catalog: Option<VerifyMode>,
    signer: Option<Signer>,
    /// Whether it is there only because that signer signs it: then nobody's other word counts.
    pub(crate) demanded: bool,
}

impl VerifySettings {
    /// The operator's words count before the catalog's; a signer without any word makes its signature required.
    pub(crate) fn rule(&self, image: &ImageReference) -> VerifyRule {
        if self.demanded {
            return VerifyRule::new(VerifyMode::Required, self.signer.clone());
        }
        let own = self.profile.signer_of(image);
        let by_profile = self.profile.mode.or(own.map(|_| VerifyMode::Required));
        let signer = own.or(self.signer.as_ref());
        let fallback = if signer.is_some() { VerifyMode::Required } else { VerifyMode::Off };
        let mode = self.own.or(by_profile).or(self.catalog).unwrap_or(fallback);
        VerifyRule::new(mode, signer.cloned())
    }
}

impl Settings {
    pub(crate) fn of(spec: &ProfileSpec, server: &ServerName, entry: &ServerEntry) -> Result<Self> {
        let own = spec.servers.get(server).cloned().unwrap_or_default();
        let limits = own.limits.apply(spec.limits.apply(entry.resources.unwrap_or_default())?)?;
        let idle = match own.idle.as_deref() {
            Some("never") => None,
            Some(text) => Some(parse_duration(text)?),
            None if entry.long_lived => None,
            None => Some(DEFAULT_IDLE),
        };
        Ok(Self {
            limits,
            isolation: own.isolation.or(spec.isolation).unwrap_or_default(),
            idle,
            network: network(&own, entry),
            redaction: Rules::of(&spec.redaction, &own.redaction),
            verify: VerifySettings {
                own: own.verify,
                profile: spec.verify.clone(),
                catalog: entry.verify,
                signer: entry.signer.clone(),
                demanded: false,
            },
            surfaces: spec.surfaces,
            selection: Selection::of(spec, server),
        })
    }

    pub(crate) fn offers(&self, tool: &str) -> bool {
        self.selection.iter().all(|selection| selection.offers(tool))
    }
}

/// The profile's word counts before the catalog's; without either there is no network.
fn network(own: &ServerSpec, entry: &ServerEntry) -> NetworkRule {
    match &own.network {
        Some(NetworkSpec::Word(NetworkWord::None)) => NetworkRule::None,
        Some(NetworkSpec::Word(NetworkWord::Open)) => NetworkRule::Open,
        Some(NetworkSpec::Hosts(hosts)) => NetworkRule::Listed(hosts.clone()),
        None if entry.disable_network || entry.allow_hosts.is_empty() => NetworkRule::None,
        None => NetworkRule::Listed(entry.allow_hosts.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProfileName;

    #[test]
    fn the_most_specific_word_counts() {
        let name = ServerName::new("s").unwrap();
        let mut entry = ServerEntry::image(name.clone(), "x");
        entry.allow_hosts = vec!["a.example:443".to_owned()];
        entry.resources = Some(Limits::default().with_memory_bytes(1).with_pids(7));
        let mut own = ServerSpec::default();
        own.limits.memory = Some("1g".to_owned());
        let mut spec = ProfileSpec::new(ProfileName::new("p").unwrap());
        spec.limits.cpus = Some(0.25);
        let settings = Settings::of(&spec.clone().with_server(name.clone(), own.clone()), &name, &entry).unwrap();
        assert_eq!((settings.limits.memory_bytes, settings.limits.cpus, settings.limits.pids), (1 << 30, 0.25, 7));
        assert_eq!(settings.network, NetworkRule::Listed(vec!["a.example:443".to_owned()]));

        entry.disable_network = true;
        assert_eq!(Settings::of(&spec, &name, &entry).unwrap().network, NetworkRule::None);
        own.network = Some(NetworkSpec::Word(NetworkWord::Open));
        own.idle = Some("never".to_owned());
        let settings = Settings::of(&spec.with_server(name.clone(), own), &name, &entry).unwrap();
        assert_eq!((settings.network, settings.idle), (NetworkRule::Open, None));
    }

    #[test]
    fn a_catalog_cannot_loosen_what_the_operator_says() {
        let name = ServerName::new("s").unwrap();
        let image = ImageReference::parse("registry-1.docker.io/acme/time:1").unwrap();
        let (own, theirs) = (signer("https://github.com/acme/own"), signer("https://github.com/acme/theirs"));
        let rule =
            |own: Option<VerifyMode>, verify: &VerifySpec, catalog: Option<VerifyMode>, theirs: Option<&Signer>| {
                let mut entry = ServerEntry::image(name.clone(), "acme/time");
                (entry.verify, entry.signer) = (catalog, theirs.cloned());
                let server = ServerSpec { verify: own, ..ServerSpec::default() };
                let mut spec = ProfileSpec::new(ProfileName::new("p").unwrap()).with_server(name.clone(), server);
                spec.verify = verify.clone();
                Settings::of(&spec, &name, &entry).unwrap().verify.rule(&image)
            };
        let nothing = VerifySpec::default();
        let (off, required) = (Some(VerifyMode::Off), Some(VerifyMode::Required));
        assert_eq!(rule(None, &nothing, None, None), VerifyRule::OFF);
        assert_eq!(rule(None, &nothing, None, Some(&theirs)).mode, VerifyMode::Required);
        assert_eq!(rule(None, &nothing, off, Some(&theirs)).mode, VerifyMode::Off);
        let all = VerifySpec { mode: required, ..VerifySpec::default() };
        assert_eq!(rule(None, &all, off, Some(&theirs)).mode, VerifyMode::Required);
        assert_eq!(rule(off, &all, required, Some(&theirs)).mode, VerifyMode::Off);
        let mut named = VerifySpec::default();
        named.signers.insert("acme/*".to_owned(), own.clone());
        let found = rule(None, &named, off, Some(&theirs));
        assert_eq!((found.mode, found.signer), (VerifyMode::Required, Some(own)));
    }

    fn signer(identity: &str) -> Signer {
        Signer::of_identity(identity, "https://token.example").unwrap()
    }
}
