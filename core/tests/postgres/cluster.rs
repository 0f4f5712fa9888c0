//! The cluster that `scripts/postgres.sh` started, as its owner: the server's programs refuse to run as root.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the cluster is and what it is run with.
pub(crate) struct Cluster {
    pub(crate) data: PathBuf,
    bin: PathBuf,
    owner: u32,
}

impl Cluster {
    /// Nothing, aloud, where the server is not one of our own.
    pub(crate) fn own() -> Option<Self> {
        let given = |name| std::env::var_os(name).map(PathBuf::from);
        let found =
            given("CONVOSTORE_TEST_POSTGRES_DATA").zip(given("CONVOSTORE_TEST_POSTGRES_BIN"));
        let Some((data, bin)) = found else {
            let is_told = ["CONVOSTORE_TEST_POSTGRES_URL", "CONVOSTORE_SKIP_POSTGRES"]
                .map(std::env::var_os)
                .iter()
                .any(Option::is_some);
            assert!(
                is_told,
                "no PostgreSQL to test on: run this under scripts/postgres.sh"
            );
            eprintln!("SKIPPED: this needs a server of our own, as scripts/postgres.sh starts it");
            return None;
        };
        Some(Self::at(data, bin))
    }

    fn at(data: PathBuf, bin: PathBuf) -> Self {
        let owner = std::fs::metadata(&data).unwrap().uid();
        Self { data, bin, owner }
    }

    /// Where it keeps its socket.
    pub(crate) fn socket(&self) -> &Path {
        self.data.parent().unwrap()
    }

    /// As its superuser.
    #[allow(dead_code, reason = "not every test is one")]
    pub(crate) fn superuser_url(&self) -> String {
        format!(
            "host={} user=postgres dbname=convostore",
            self.socket().display()
        )
    }

    /// As the role of the tests.
    #[allow(dead_code, reason = "not every test needs it")]
    pub(crate) fn url(&self) -> String {
        format!(
            "host={} user=convostore dbname=convostore",
            self.socket().display()
        )
    }

    /// One of the server's programs, run by the cluster's owner.
    pub(crate) fn program(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        let own = std::fs::metadata("/proc/self").unwrap().uid();
        let mut command = if self.owner == own {
            Command::new(program)
        } else {
            let mut command = Command::new("setpriv");
            command
                .args([&format!("--reuid={}", self.owner), "--clear-groups"])
                .arg(program);
            command
        };
        command.current_dir("/").stdout(Stdio::null());
        command
    }

    pub(crate) fn pg_ctl(&self, arguments: &[&str]) {
        let log = self.data.with_extension("log");
        let mut command = self.program("pg_ctl");
        command.arg("-D").arg(&self.data).arg("-l").arg(log);
        assert!(
            command
                .arg("-w")
                .args(arguments)
                .status()
                .unwrap()
                .success()
        );
    }

    /// Kills the server, as far as a server can be killed by its own means, and starts it again.
    #[allow(dead_code, reason = "not every test kills")]
    pub(crate) fn kill_and_start(&self) {
        self.pg_ctl(&["-m", "immediate", "restart"]);
    }

    /// A server of its own, in a folder beside it, not yet started.
    #[allow(dead_code, reason = "not every test needs one")]
    pub(crate) fn another(&self, name: &str) -> Beside {
        let data = self.socket().join(name).join("data");
        let mut make = self.program("initdb");
        make.args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
            "-D",
        ]);
        assert!(make.arg(&data).status().unwrap().success());
        Beside {
            cluster: Self::at(data, self.bin.clone()),
        }
    }

    /// Writes a file that its owner alone can read into the cluster.
    #[allow(dead_code, reason = "not every test needs one")]
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.data.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        std::os::unix::fs::chown(&path, Some(self.owner), None).unwrap();
    }

    /// A streaming standby of it, in a folder beside it, not yet started.
    #[allow(dead_code, reason = "not every test needs one")]
    pub(crate) fn standby(&self, name: &str) -> Beside {
        let data = self.socket().join(name).join("data");
        let mut copy = self.program("pg_basebackup");
        copy.arg("-h")
            .arg(self.socket())
            .args(["-U", "postgres", "-R", "-X", "stream", "-c", "fast", "-D"])
            .arg(&data);
        assert!(copy.status().unwrap().success());
        Beside {
            cluster: Self::at(data, self.bin.clone()),
        }
    }
}

/// A server beside it; it stops when this is dropped.
pub(crate) struct Beside {
    pub(crate) cluster: Cluster,
}

#[allow(dead_code, reason = "not every test needs one")]
impl Beside {
    /// With these settings, `-c name=value` each. It must take as many connections as the server that it follows.
    pub(crate) fn start(&self, settings: &str) {
        let options = format!(
            "-k {} -c listen_addresses='' -c max_connections=200 {settings}",
            self.cluster.socket().display()
        );
        self.cluster.pg_ctl(&["-o", &options, "start"]);
    }

    pub(crate) fn stop(&self) {
        self.cluster.pg_ctl(&["-m", "immediate", "stop"]);
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let mut stop = self.cluster.program("pg_ctl");
        stop.arg("-D")
            .arg(&self.cluster.data)
            .args(["-m", "immediate", "stop"]);
        // It may be stopped already.
        let _ = stop.stderr(Stdio::null()).status();
    }
}
