//! One directory and one WorkOS, which is never killed, through many lives of the application.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use audited::AuditLog;
use audited::outbox::JournalReader;
use audited_cli::{Fault, LocalWorkos};
use tempfile::TempDir;

use crate::disk::Disk;
use crate::{app, client};

const CLIENTS: usize = 4;
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How the application ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// kill -9.
    Kill,
    /// SIGTERM, for which it has no handler.
    Terminate,
    /// It calls `process::exit` in the middle of its requests.
    Exit,
    /// It aborts, as a panic does where panics abort.
    Abort,
    /// The disk loses its power, and the application goes on for a moment.
    PowerCut,
}

/// What came of a trial.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) ends: usize,
    pub(crate) answered: usize,
    pub(crate) lost: usize,
    /// Stored more than once.
    pub(crate) duplicates: usize,
    /// Sent again under the same key, and stored once.
    pub(crate) repeated: u64,
}

enum Home {
    Directory(TempDir),
    Disk(Disk),
}

pub(crate) struct Trial {
    workos: LocalWorkos,
    dir: PathBuf,
    /// What `dir` is in.
    home: Home,
    ids: AtomicU64,
    random: fastrand::Rng,
    answered: BTreeSet<u64>,
    unanswered: BTreeSet<u64>,
    ends: usize,
}

impl Trial {
    /// One whose WorkOS is as unreliable as the application.
    pub(crate) fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::in_home(dir.path().to_path_buf(), Home::Directory(dir), seed)
    }

    /// The same, on a disk whose power can be cut.
    pub(crate) fn on(disk: Disk, seed: u64) -> Self {
        Self::in_home(disk.path().join("outbox"), Home::Disk(disk), seed)
    }

    fn in_home(dir: PathBuf, home: Home, seed: u64) -> Self {
        let workos = LocalWorkos::builder().seed(seed);
        let workos = workos.fail_share(0.03, Fault::ReplyLost).fail_share(0.02, Fault::Status(500));
        Self {
            workos: workos.fail_share(0.02, Fault::Reset).start().unwrap(),
            dir,
            home,
            ids: AtomicU64::new(0),
            random: fastrand::Rng::with_seed(seed),
            answered: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            ends: 0,
        }
    }

    /// One life: it starts, answers for a random time, and ends.
    pub(crate) fn life(&mut self, end: End) {
        let mut app = app::start(&self.dir, &self.workos.url());
        self.ends += 1;
        // The moment is what is tested, and it is a random one.
        let moment = Duration::from_micros(self.random.u64(100..16_000));
        // What arrived is noted on disk within 50 ms: most lives are too short for that, and some are not.
        let moment = if self.random.u8(0..12) == 0 { moment * 8 } else { moment };
        if matches!(end, End::Kill) && self.random.u8(0..8) == 0 {
            // While it starts, and reads what the one before left.
            thread::sleep(moment.min(Duration::from_millis(10)));
            app.kill().unwrap();
            app.wait().unwrap();
            return;
        }
        let address = app::address(&mut app).expect("the application starts");
        let (ids, logs) = (&self.ids, [(); CLIENTS].map(|()| Mutex::new(client::Log::default())));
        let mut before = Vec::new();
        thread::scope(|scope| {
            for log in &logs {
                scope.spawn(move || client::run(address, ids, log));
            }
            thread::sleep(moment);
            before.extend(logs.each_ref().map(|log| log.lock().unwrap().clone()));
            match end {
                End::Kill => app.kill().unwrap(),
                End::Terminate => {
                    let signalled = Command::new("kill").args(["-TERM", &app.id().to_string()]).status();
                    assert!(signalled.unwrap().success());
                }
                End::Exit => client::ask(address, "/exit"),
                End::Abort => client::ask(address, "/abort"),
                End::PowerCut => {
                    self.disk().cut();
                    app.kill().unwrap();
                }
            }
            app.wait().unwrap();
        });
        for (log, before) in logs.into_iter().zip(before) {
            let all = log.into_inner().unwrap();
            // A dying process answers for what it has stored. A disk without power may say that it has stored something.
            let counts = if matches!(end, End::PowerCut) { before } else { all.clone() };
            assert_eq!(counts.refused, [], "{end:?}: calls were refused");
            self.note(all, counts);
        }
        if matches!(end, End::PowerCut) {
            self.disk().restart();
        }
    }

    fn note(&mut self, all: client::Log, counts: client::Log) {
        let refused = all.refused.into_iter().map(|(id, _)| id);
        self.unanswered.extend(all.answered.into_iter().chain(all.unanswered).chain(refused));
        self.answered.extend(counts.answered);
    }

    /// Many lives at once in one directory, of which each has a share of its own there. None of them delivers anything, and
    /// all are killed once each has answered so often.
    pub(crate) fn lives_that_deliver_nothing(&mut self, count: usize, answers: usize) {
        let mut apps: Vec<_> = (0..count).map(|_| app::start(&self.dir, "http://127.0.0.1:1")).collect();
        let addresses: Vec<_> = apps.iter_mut().map(|app| app::address(app).expect("the application starts")).collect();
        let (ids, logs) = (&self.ids, addresses.iter().map(|_| Mutex::default()).collect::<Vec<_>>());
        thread::scope(|scope| {
            for (address, log) in addresses.iter().zip(&logs) {
                scope.spawn(move || client::run(*address, ids, log));
            }
            let few = |log: &Mutex<client::Log>| log.lock().unwrap().answered.len() < answers;
            while logs.iter().any(few) {
                thread::sleep(Duration::from_millis(1));
            }
            self.ends += kill(&mut apps);
        });
        for log in logs {
            let all = log.into_inner().unwrap();
            assert_eq!(all.refused, [], "calls were refused");
            self.note(all.clone(), all);
        }
    }

    /// Many lives at once whose only work is to deliver what others left. Each is killed at a random moment. Tells how many
    /// events are stored then.
    pub(crate) fn lives_that_deliver(&mut self, count: usize) -> usize {
        let mut apps: Vec<_> = (0..count).map(|_| app::start(&self.dir, &self.workos.url())).collect();
        for app in &mut apps {
            app::address(app).expect("the application starts");
        }
        self.random.shuffle(&mut apps);
        for app in &mut apps {
            // The moment is what is tested, and it is a random one.
            thread::sleep(Duration::from_micros(self.random.u64(0..12_000)));
            self.ends += kill(std::slice::from_mut(app));
        }
        self.workos.events().len()
    }

    /// Half of WorkOS' answers take this long from now on.
    pub(crate) fn slow_down(&self, fault: Fault) {
        self.workos.fail_share(0.5, fault);
    }

    /// So many calls were answered.
    pub(crate) fn answered(&self) -> usize {
        self.answered.len()
    }

    fn disk(&self) -> &Disk {
        match &self.home {
            Home::Disk(disk) => disk,
            Home::Directory(_) => panic!("a directory has no power that could be cut"),
        }
    }

    /// Lets the last life deliver all that is left, and compares what was answered with what is stored.
    pub(crate) fn settle(self) -> Outcome {
        self.workos.clear_faults();
        let log = AuditLog::builder().api_key("sk_test").base_url(self.workos.url()).outbox_dir(&self.dir);
        let audit = log.pace(None).install(false).start_blocking().unwrap();
        let recovery = audit.recovery();
        assert_eq!((recovery.lost, recovery.lost_segments), (0, 0));
        let report = audit.shutdown_blocking(PATIENCE);
        assert_eq!((report.pending, report.dead), (0, 0), "{:#?}", audit.stats());
        assert_eq!(JournalReader::open(&self.dir).unwrap().verify().unwrap().findings, []);

        let mut stored = BTreeMap::<u64, usize>::new();
        for event in self.workos.events() {
            let id = event.event["targets"][0]["id"].as_str().unwrap().parse().unwrap();
            *stored.entry(id).or_default() += 1;
            let outcome = event.event["metadata"]["outcome"].as_str();
            // A deed that was answered is known to have been done.
            assert!(!self.answered.contains(&id) || outcome.is_none(), "{id} says {outcome:?}");
            assert!(self.answered.contains(&id) || self.unanswered.contains(&id), "{id} was never asked for");
        }
        let lost: Vec<_> = self.answered.iter().filter(|id| !stored.contains_key(id)).collect();
        let twice: Vec<_> = stored.iter().filter(|(_, times)| **times > 1).collect();
        if !lost.is_empty() || !twice.is_empty() {
            if let Home::Directory(dir) = self.home {
                let _ = dir.keep();
            }
            panic!("lost: {lost:?}; stored more than once: {twice:?}; the journal is in {}", self.dir.display());
        }
        Outcome {
            ends: self.ends,
            answered: self.answered.len(),
            lost: lost.len(),
            duplicates: twice.len(),
            repeated: self.workos.counts().repeated,
        }
    }
}

/// Kills all of them, and then waits until they are gone, so that they die together.
fn kill(apps: &mut [Child]) -> usize {
    apps.iter_mut().for_each(|app| app.kill().unwrap());
    for app in &mut *apps {
        app.wait().unwrap();
    }
    apps.len()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ends, answered, lost, duplicates, repeated } = self;
        write!(
            f,
            "{ends}; {answered} answered, {lost} lost, {duplicates} possible duplicates ({repeated} repeated under their keys)"
        )
    }
}

impl std::ops::AddAssign for Outcome {
    fn add_assign(&mut self, more: Self) {
        self.ends += more.ends;
        self.answered += more.answered;
        self.lost += more.lost;
        self.duplicates += more.duplicates;
        self.repeated += more.repeated;
    }
}
