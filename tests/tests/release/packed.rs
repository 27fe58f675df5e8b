//! What a release holds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::{NAME, Release, VERSION, here, sha256};

#[test]
fn a_zip_holds_a_program_that_can_be_started() {
    let release = Release::packed();
    let folder = tempfile::tempdir().unwrap();
    // another implementation reads it
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None\n\
                  print(' '.join(sorted(f'{i.filename}:{i.external_attr >> 16:o}' for i in z.infolist())))\n\
                  z.extractall(sys.argv[2])";
    let read =
        Command::new("python3").args(["-c", script]).arg(release.zip()).arg(folder.path()).output().unwrap();
    let told = String::from_utf8(read.stdout).unwrap();
    let program = format!("{NAME}_v{VERSION}");
    assert_eq!(told.trim(), format!("LICENSE:100644 {program}:100755"), "{:?}", read.stderr);
    let program = folder.path().join(program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let version = Command::new(program).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8(version.stdout).unwrap().trim(), format!("{NAME} {VERSION}"));
}

#[test]
fn a_program_for_windows_is_packed_as_one() {
    let release = Release::of_a_stand_in(None);
    let script = "import sys, zipfile; print(' '.join(sorted(zipfile.ZipFile(sys.argv[1]).namelist())))";
    let read =
        Command::new("python3").args(["-c", script]).arg(release.file("windows_amd64.zip")).output().unwrap();
    let told = String::from_utf8(read.stdout).unwrap();
    assert_eq!(told.trim(), format!("LICENSE {NAME}_v{VERSION}.exe"));
}

#[test]
fn checksums_are_of_every_file_and_the_same_each_time() {
    let release = Release::of_a_stand_in(None);
    let sums = fs::read_to_string(release.file("SHA256SUMS")).unwrap();
    let expected: String =
        [format!("{}.zip", here()), "manifest.json".to_owned(), "windows_amd64.zip".to_owned()]
            .iter()
            .map(|rest| {
                let file = release.file(rest);
                format!(
                    "{}  {}\n",
                    sha256(&fs::read(&file).unwrap()),
                    file.file_name().unwrap().to_str().unwrap()
                )
            })
            .collect();
    assert_eq!(sums, expected);
    assert!(!release.file("SHA256SUMS.sig").exists(), "there was no key");
    let manifest = fs::read(release.file("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest, serde_json::json!({"version": 1, "metadata": {"protocol_versions": ["6.0"]}}));
    let again = Release::of_a_stand_in(None);
    assert_eq!(fs::read_to_string(again.file("SHA256SUMS")).unwrap(), sums);
}

#[test]
fn a_key_signs_the_checksums() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let gpg = |arguments: &[&str]| {
        let output =
            Command::new("gpg").arg("--batch").args(arguments).env("GNUPGHOME", home.path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    gpg(&["--passphrase", "", "--quick-generate-key", "release@example.com", "rsa2048", "sign", "never"]);
    let release = Release::of_a_stand_in(Some(("release@example.com", home.path())));
    let (sums, signature) = (release.file("SHA256SUMS"), release.file("SHA256SUMS.sig"));
    gpg(&["--verify", signature.to_str().unwrap(), sums.to_str().unwrap()]);
    assert!(!fs::read(&signature).unwrap().starts_with(b"-----"), "binary, as the registry takes it");
    let ended = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", home.path()).status();
    assert!(ended.unwrap().success());
}

#[test]
fn a_folder_that_is_no_platform_is_refused() {
    let release = Release::of_a_stand_in(None);
    let binaries = tempfile::tempdir().unwrap();
    fs::create_dir(binaries.path().join("linux_x86_64")).unwrap();
    let outcome = release.pack(binaries.path(), None);
    assert!(outcome.code == Some(1) && outcome.says("write one like linux_amd64"), "{outcome}");
}
