//! What `./x` does on computers with other toolchains, played by programs that only tell.

#![cfg(test)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Programs of this computer that `x` may use; what else it calls is played.
const REAL: &[&str] = &[
    "sh", "sed", "dirname", "mktemp", "rm", "chmod", "mkdir", "cp",
];

/// A computer of Debian with all packages, a home and a checkout.
struct Computer {
    directory: TempDir,
}

impl Computer {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let computer = Self { directory };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::create_dir_all(computer.path("checkout")).unwrap();
        for name in ["x", "rust-toolchain.toml"] {
            fs::copy(root.join(name), computer.path("checkout").join(name)).unwrap();
        }
        fs::create_dir_all(computer.path("bin")).unwrap();
        for name in REAL {
            let usual = ["/usr/bin", "/bin"].map(|directory| Path::new(directory).join(name));
            let program = usual.iter().find(|program| program.exists()).unwrap();
            symlink(program, computer.path("bin").join(name)).unwrap();
        }
        computer.play("bin/uname", "echo x86_64");
        computer.play("bin/id", "echo 1000");
        computer.play(
            "bin/dpkg-query",
            "shift 3; for name; do echo \"$name installed\"; done",
        );
        computer
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn play(&self, name: &str, script: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A rustup that makes the toolchain it is asked for.
    fn rustup(&self, name: &str) {
        let bin = "$HOME/.rustup/toolchains/$3-x86_64-unknown-linux-gnu/bin";
        let cargo = r#"#!/bin/sh\ncase $1 in --version) echo "cargo '$3' (x)" ;; *) echo "rustup: $*" ;; esac\n"#;
        let script = format!(
            "[ \"$1 $2\" = 'toolchain install' ] || exit 9\nmkdir -p \"{bin}\"\n\
             for name in cargo cargo-clippy cargo-fmt; do printf '{cargo}' >\"{bin}/$name\"; \
             chmod +x \"{bin}/$name\"; done"
        );
        self.play(name, &script);
    }

    /// What `./x up` runs, in the end.
    fn up(&self) -> String {
        let output = Command::new(self.path("checkout/x"))
            .arg("up")
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        printed.lines().last().unwrap().to_owned()
    }
}

/// Debian's own cargo is too old.
const DEBIANS: &str =
    "case $1 in --version) echo 'cargo 1.85.0 (x)' ;; *) echo \"Debian: $*\" ;; esac";

#[test]
fn debians_cargo_before_rustup_is_not_taken() {
    let computer = Computer::new();
    computer.play("bin/cargo", DEBIANS);
    computer.play("bin/rustc", "exit 9");
    computer.rustup("home/.cargo/bin/rustup");
    for _ in [
        "with the toolchain to get",
        "with the toolchain that is there",
    ] {
        assert_eq!(computer.up(), "rustup: xtask up");
    }
}

#[test]
fn debians_cargo_without_rustup_stays_and_rustup_comes_for_the_user() {
    let computer = Computer::new();
    computer.play("bin/cargo", DEBIANS);
    computer.rustup("served/rustup");
    let served = computer.path("served/rustup");
    let init = format!(
        "mkdir -p $HOME/.cargo/bin && cp {} $HOME/.cargo/bin/rustup",
        served.display()
    );
    computer.play("served/init", &init);
    let served = computer.path("served/init");
    // `-o FILE` stands before the address.
    computer.play("bin/curl", &format!("cp {} \"$5\"", served.display()));
    computer.play("bin/sha256sum", "exit 0");
    computer.play("bin/apt-get", "exit 9");
    assert_eq!(computer.up(), "rustup: xtask up");
}

#[test]
fn a_cargo_of_the_right_version_needs_no_rustup() {
    let computer = Computer::new();
    computer.play(
        "bin/cargo",
        "case $1 in --version) echo 'cargo 1.95.1 (x)' ;; *) echo \"own: $*\" ;; esac",
    );
    assert_eq!(computer.up(), "own: xtask up");
}
