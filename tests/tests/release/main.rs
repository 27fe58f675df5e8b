//! A release of the provider: packed by `cargo xtask dist`, installed by the real Terraform.

#![expect(clippy::unwrap_used, reason = "tests")]

mod elsewhere;
mod install;
mod packed;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lakedr_e2e::environment::program;
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::terraform::Terraform;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const NAME: &str = "terraform-provider-lakedr";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const ADDRESS: &str = "registry.terraform.io/lakedr/lakedr";

/// The platform of this machine.
fn here() -> String {
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    format!("{system}_{architecture}")
}

/// A packed release, for this platform and another one.
struct Release {
    places: TempDir,
}

impl Release {
    /// Of the program that was built.
    fn packed() -> Self {
        Self::of(&fs::read(program(NAME).unwrap()).unwrap(), None)
    }

    /// Of something that stands for a program.
    fn of_a_stand_in(key: Option<(&str, &Path)>) -> Self {
        Self::of(b"\x7fELF", key)
    }

    fn of(program: &[u8], key: Option<(&str, &Path)>) -> Self {
        let places = tempfile::tempdir().unwrap();
        let binaries = places.path().join("binaries");
        fs::create_dir_all(binaries.join(here())).unwrap();
        fs::write(binaries.join(here()).join(NAME), program).unwrap();
        fs::create_dir_all(binaries.join("windows_amd64")).unwrap();
        fs::write(binaries.join("windows_amd64").join(format!("{NAME}.exe")), "MZ").unwrap();
        let release = Self { places };
        let packed = release.pack(&release.places.path().join("binaries"), key);
        assert_eq!(packed.code, Some(0), "{packed}");
        release
    }

    fn pack(&self, binaries: &Path, key: Option<(&str, &Path)>) -> Outcome {
        let mut command = Command::new(program("xtask").unwrap());
        command.args(["dist", "--binaries"]).arg(binaries).arg("--out").arg(self.out());
        command.env_remove("LAKEDR_GPG_KEY");
        if let Some((key, home)) = key {
            command.args(["--key", key]).env("GNUPGHOME", home);
        }
        Running::spawn(&mut command).unwrap().wait(Duration::from_secs(120)).unwrap()
    }

    fn out(&self) -> PathBuf {
        self.places.path().join("out")
    }

    fn file(&self, rest: &str) -> PathBuf {
        self.out().join(format!("{NAME}_{VERSION}_{rest}"))
    }

    fn zip(&self) -> PathBuf {
        self.file(&format!("{}.zip", here()))
    }

    /// A folder as a mirror of providers, packed.
    fn filesystem_mirror(&self) -> PathBuf {
        let mirror = self.places.path().join("mirror");
        let folder = mirror.join(ADDRESS);
        fs::create_dir_all(&folder).unwrap();
        let zip = self.zip();
        fs::copy(&zip, folder.join(zip.file_name().unwrap())).unwrap();
        mirror
    }

    /// A folder whose files are those of a network mirror.
    fn network_mirror(&self) -> PathBuf {
        let mirror = self.filesystem_mirror();
        let folder = mirror.join(ADDRESS);
        let file = self.zip().file_name().unwrap().to_str().unwrap().to_owned();
        let index = serde_json::json!({"versions": {VERSION: {}}});
        fs::write(folder.join("index.json"), index.to_string()).unwrap();
        let archive = serde_json::json!({"url": file, "hashes": [self.h1()]});
        let archives = serde_json::json!({"archives": {here(): archive}});
        fs::write(folder.join(format!("{VERSION}.json")), archives.to_string()).unwrap();
        mirror
    }

    /// The hash of what the zip holds, as lock files have it: computed from the files that went in.
    fn h1(&self) -> String {
        let license = fs::read(lakedr_e2e::environment::checkout().join("LICENSE")).unwrap();
        let built = fs::read(program(NAME).unwrap()).unwrap();
        let files = BTreeMap::from([("LICENSE".to_owned(), license), (format!("{NAME}_v{VERSION}"), built)]);
        let lines: String =
            files.iter().map(|(name, bytes)| format!("{}  {name}\n", sha256(bytes))).collect();
        format!("h1:{}", STANDARD.encode(Sha256::digest(lines)))
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A root module whose providers come from this installation and from nowhere else.
fn machine(installation: &str) -> Terraform {
    let terraform = Terraform::new().unwrap();
    let config = format!("provider_installation {{\n  {installation}\n}}\n");
    terraform.write("cli.tfrc", &config).unwrap();
    terraform
}

/// A provider block and a location of it, in a control store at `control`.
fn configuration(control: &Path) -> String {
    format!(
        "provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = \"file://{}\"\n}}\n\
         resource \"lakedr_external_location\" \"west\" {{\n  name = \"west\"\n  region = \"westus2\"\n  \
         url = \"s3://west\"\n  skip_validation = true\n}}\n",
        control.display()
    )
}
