//! The **tools** of foreign contenders, at pinned versions, installed when they are first needed: a Python environment and
//! a Node folder below `target/`, and a PostgreSQL server that lives only as long as the benchmark.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What is said when PostgreSQL is missing.
const POSTGRES_HINT: &str = "install it (Debian: apt-get install postgresql), or leave out `eventsourcing` and `emmett` \
                             with --contenders";

/// The sources of foreign contenders.
pub fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/contest/peers")
}

/// A Python with what `requirements.txt` names.
pub fn python(cache: &Path) -> PathBuf {
    let (folder, wanted) = (cache.join("python"), peers().join("requirements.txt"));
    let python = folder.join("bin/python");
    install(&folder, &wanted, || {
        done(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        done(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(&wanted),
        );
    });
    python
}

/// A folder with what `package-lock.json` names, and the scripts beside it, since Node looks for packages from where a
/// script lies.
pub fn node(cache: &Path) -> PathBuf {
    let (folder, wanted) = (cache.join("node"), peers().join("package-lock.json"));
    install(&folder, &wanted, || {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(peers().join(file), folder.join(file)).expect("a copy");
        }
        done(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder));
    });
    fs::copy(peers().join("emmett.mjs"), folder.join("emmett.mjs")).expect("a copy");
    folder
}

/// Makes `folder` anew unless it was made from the same `wanted`.
fn install(folder: &Path, wanted: &Path, make: impl FnOnce()) {
    let (wanted, marker) = (fs::read_to_string(wanted).expect("what is wanted"), folder.join("installed.txt"));
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return;
    }
    eprintln!("bench: installing into {}", folder.display());
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("a folder");
    make();
    fs::write(marker, wanted).expect("a marker");
}

/// A PostgreSQL server with its default settings, its data in a temporary folder.
pub struct Postgres {
    bin: PathBuf,
    data: TempDir,
    pub port: u16,
}

impl Postgres {
    pub fn start() -> Postgres {
        let bin = binaries().unwrap_or_else(|| panic!("PostgreSQL is not installed; {POSTGRES_HINT}"));
        // Not below `target/`: the server refuses to run as root, and its own user may not get that far.
        let data = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a free port");
        let postgres = Postgres { bin, data, port: free.port() };
        if is_root() {
            done(Command::new("chown").arg("postgres").arg(postgres.data.path()));
        }
        let cluster = postgres.cluster();
        done(
            postgres
                .command("initdb")
                .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "-D"])
                .arg(&cluster),
        );
        let settings = format!("-h 127.0.0.1 -p {} -k {}", postgres.port, postgres.data.path().display());
        done(
            postgres
                .command("pg_ctl")
                .args(["-w", "-t", "60", "-o", &settings, "-l"])
                .arg(postgres.data.path().join("log"))
                .arg("-D")
                .arg(&cluster)
                .arg("start"),
        );
        postgres
    }

    /// Makes an empty database, in place of the one of that name.
    pub fn fresh(&self, database: &str) {
        for sql in [format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"), format!("CREATE DATABASE {database}")] {
            done(self.command("psql").args([
                "-q",
                "-h",
                "127.0.0.1",
                "-U",
                "postgres",
                "-p",
                &self.port.to_string(),
                "-c",
                &sql,
            ]));
        }
    }

    pub fn version(&self) -> String {
        text(&done(self.command("postgres").arg("--version")))
    }

    fn cluster(&self) -> PathBuf {
        self.data.path().join("cluster")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(self.bin.join(name));
                command
            }
            false => Command::new(self.bin.join(name)),
        };
        command.current_dir(self.data.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let (cluster, started) = (self.cluster(), Instant::now());
        let _ = self.command("pg_ctl").args(["-m", "immediate", "-D"]).arg(&cluster).arg("stop").output();
        // Its last processes may still write.
        while cluster.join("postmaster.pid").exists() && started.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Where the server's programs lie: the newest of Debian's folders, or what `pg_config` says.
fn binaries() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
    let mut folders = installed.map(|entry| entry.path().join("bin")).collect::<Vec<_>>();
    folders.sort();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.insert(0, PathBuf::from(text(&output)));
    }
    folders.into_iter().rev().find(|folder| folder.join("initdb").exists())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| text(&output) == "0")
}

/// Runs a command that must succeed.
pub fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}{}", text(&output), String::from_utf8_lossy(&output.stderr));
    output
}

/// What a command printed, without the line's end.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
