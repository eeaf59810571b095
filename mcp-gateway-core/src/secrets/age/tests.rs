//! Tests of the encrypted file.

use std::path::Path;

use super::*;
use crate::error::ErrorKind;
use crate::util::fs;

fn key(name: &str) -> SecretKey {
    SecretKey::parse(name).unwrap()
}

fn value(text: &str) -> SecretValue {
    SecretValue::new(text)
}

fn by_passphrase(path: &Path, passphrase: &str) -> AgeBroker {
    AgeBroker::new(AgeBrokerConfig::new(path).with_passphrase(value(passphrase)).with_work_factor(2)).unwrap()
}

fn by_key(path: &Path) -> AgeBroker {
    AgeBroker::new(AgeBrokerConfig::new(path)).unwrap()
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read_bytes(path, 1 << 20).unwrap().unwrap()
}

#[tokio::test]
async fn a_passphrase_opens_it_again_and_another_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.age");
    by_passphrase(&path, "correct").set(&key("dev/github/T"), value("hunter2")).await.unwrap();
    let content = bytes(&path);
    assert!(!content.windows(7).any(|part| part == b"hunter2"));

    assert_eq!(by_passphrase(&path, "correct").get(&key("dev/github/T")).await.unwrap(), Some(value("hunter2")));

    let wrong = by_passphrase(&path, "wrong");
    let error = wrong.get(&key("dev/github/T")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.to_string().contains("passphrase"), "{error}");
    assert_eq!(wrong.set(&key("B"), value("x")).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(by_key(&path).list().await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(bytes(&path), content);
}

#[tokio::test]
async fn a_key_file_is_made_once_and_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.age");
    assert_eq!(by_key(&path).get(&key("A")).await.unwrap(), None);
    let key_file = folder.path().join("s.age.key");
    assert!(!fs::exists(&key_file));

    by_key(&path).set(&key("A"), value("1")).await.unwrap();
    let made = bytes(&key_file);
    by_key(&path).set(&key("B"), value("2")).await.unwrap();
    assert_eq!(bytes(&key_file), made);
    assert!(!fs::is_open_to_others(&key_file) && !fs::is_open_to_others(&path));
    assert_eq!(by_key(&path).list().await.unwrap(), [key("A"), key("B")]);
    let error = by_passphrase(&path, "x").get(&key("A")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_lost_or_foreign_key_file_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.age");
    let key_file = folder.path().join("s.age.key");
    by_key(&path).set(&key("A"), value("1")).await.unwrap();
    let content = bytes(&path);

    fs::remove_file(&key_file).unwrap();
    let error = by_key(&path).set(&key("A"), value("2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(!fs::exists(&key_file));

    by_key(&folder.path().join("other.age")).set(&key("A"), value("1")).await.unwrap();
    fs::write_atomic(&key_file, &bytes(&folder.path().join("other.age.key"))).unwrap();
    assert_eq!(by_key(&path).get(&key("A")).await.unwrap_err().kind(), ErrorKind::Unauthorized);

    fs::write_atomic(&key_file, b"junk").unwrap();
    assert_eq!(by_key(&path).get(&key("A")).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    assert_eq!(bytes(&path), content);
}

#[tokio::test]
async fn a_file_cut_anywhere_is_an_error_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.age");
    by_passphrase(&path, "p").set(&key("A"), value("1")).await.unwrap();
    let whole = bytes(&path);
    for length in [0, 1, 20, 60, whole.len() / 2, whole.len() - 17, whole.len() - 1] {
        fs::write_atomic(&path, &whole[..length]).unwrap();
        let broker = by_passphrase(&path, "p");
        let error = broker.get(&key("A")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{length}: {error}");
        assert!(error.to_string().contains("s.age"));
        assert!(broker.set(&key("A"), value("2")).await.is_err());
        assert_eq!(bytes(&path), &whole[..length]);
    }
}

#[tokio::test]
async fn a_change_by_another_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.age");
    let (one, two) = (by_passphrase(&path, "p"), by_passphrase(&path, "p"));
    for round in 0..5 {
        let text = round.to_string();
        one.set(&key("A"), value(&text)).await.unwrap();
        assert_eq!(two.get(&key("A")).await.unwrap(), Some(value(&text)));
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(two.get(&key("A")).await.unwrap(), None);
}

#[test]
fn a_configuration_that_cannot_be_right_is_refused() {
    for factor in [0, 21, 64, 255] {
        let error = AgeBroker::new(AgeBrokerConfig::new("x").with_work_factor(factor)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    assert!(AgeBroker::new(AgeBrokerConfig::new("x").with_passphrase(value(""))).is_err());
    let shown = format!("{:?}", by_passphrase(Path::new("x"), "hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn a_new_key_takes_the_place_of_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, keys) = (folder.path().join("s.age"), folder.path().join("s.age.key"));
    let broker = by_key(&path);
    assert_eq!(broker.rotate(None).await.unwrap_err().kind(), ErrorKind::NotFound);
    broker.set(&key("dev//T"), value("hunter2")).await.unwrap();
    let (old_file, old_keys) = (bytes(&path), bytes(&keys));
    broker.rotate(None).await.unwrap();
    let (new_file, new_keys) = (bytes(&path), bytes(&keys));
    assert!(old_file != new_file && old_keys != new_keys && !fs::is_open_to_others(&keys));
    for broker in [&broker, &by_key(&path)] {
        assert_eq!(broker.get(&key("dev//T")).await.unwrap(), Some(value("hunter2")));
    }
    // The steps on the way, as a crash would leave them.
    let both = [new_keys.clone(), old_keys.clone()].concat();
    for (file, keys_then) in [(&old_file, &both), (&new_file, &both)] {
        fs::write_atomic(&path, file).unwrap();
        fs::write_atomic(&keys, keys_then).unwrap();
        let broker = by_key(&path);
        assert_eq!(broker.get(&key("dev//T")).await.unwrap(), Some(value("hunter2")));
        broker.set(&key("B"), value("other")).await.unwrap();
        broker.rotate(None).await.unwrap();
        assert_eq!(by_key(&path).list().await.unwrap().len(), 2);
    }
    fs::write_atomic(&keys, &old_keys).unwrap();
    assert_eq!(by_key(&path).list().await.unwrap_err().kind(), ErrorKind::Unauthorized, "the old key opens nothing");
    let refused = by_key(&path).rotate(Some(value("x"))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_passphrase_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.age");
    let old = by_passphrase(&path, "old");
    old.set(&key("T"), value("hunter2")).await.unwrap();
    for wrong in [None, Some(value(""))] {
        assert_eq!(old.rotate(wrong).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    old.rotate(Some(value("new"))).await.unwrap();
    assert_eq!(by_passphrase(&path, "new").get(&key("T")).await.unwrap(), Some(value("hunter2")));
    assert_eq!(old.get(&key("T")).await.unwrap_err().kind(), ErrorKind::Unauthorized);
}
