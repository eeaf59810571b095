//! Volumes of packages, which go when nothing has them.

use bollard::models::VolumeCreateRequest;

use super::support::{ECHO, bench, container, echo, plan_of};
use crate::error::ErrorKind;
use crate::model::package_volume;
use crate::runtime::{Mount, MountSource, Runtime};
use crate::util::random;

#[tokio::test]
async fn the_volume_of_a_package_goes_when_no_container_has_it() {
    let Some(bench) = bench().await else { return };
    let name = package_volume(&random::hex(8).unwrap());
    let mut mounted = container(ECHO);
    mounted.mounts = vec![Mount::new(MountSource::Volume(name.clone()), "/packages")];
    let mut server = bench.try_start(plan_of(mounted)).await.unwrap();
    assert!(!bench.runtime.discard(&name).await.unwrap(), "a running server has it");
    bench.runtime.pause(&server.id).await.unwrap();
    assert!(!bench.runtime.discard(&name).await.unwrap(), "so does a frozen one");
    bench.runtime.unpause(&server.id).await.unwrap();
    echo(&mut server.connection, "still there").await;
    bench.runtime.stop(&server.id).await.unwrap();
    bench.empty().await;
    assert!(bench.runtime.discard(&name).await.unwrap());
    assert!(!bench.runtime.discard(&name).await.unwrap(), "it is gone");
}

#[tokio::test]
async fn no_other_volume_is_touched() {
    let Some(bench) = bench().await else { return };
    let engine = bench.runtime.engine.bollard();
    let name = format!("mcp-package-test-{}", random::hex(8).unwrap());
    let request = VolumeCreateRequest { name: Some(name.clone()), ..VolumeCreateRequest::default() };
    engine.create_volume(request).await.unwrap();
    for other in [name.as_str(), "", "../volumes", "mcp-package-*"] {
        assert!(!bench.runtime.discard(other).await.unwrap(), "{other}");
    }
    engine.inspect_volume(&name).await.unwrap();
    engine.remove_volume(&name, None::<bollard::query_parameters::RemoveVolumeOptions>).await.unwrap();
}

#[tokio::test]
async fn an_engine_that_is_away_is_said() {
    let home = tempfile::tempdir().unwrap();
    let gone = format!("unix://{}/none.sock", home.path().display());
    let runtime = super::support::runtime_in(home.path(), |builder| builder.with_host(gone));
    let error = runtime.discard(&package_volume("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RuntimeUnavailable, "{}", error.report());
}
