use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::outbox::conformance::{self, LEASE, NOW, event};
use crate::outbox::{History, IdempotencyKey, Lane, Timestamp};

#[tokio::test]
async fn conforms() {
    conformance::check(|| Arc::new(MemoryOutbox::default())).await;
}

#[tokio::test]
async fn refuses_what_does_not_fit_and_takes_it_once_there_is_room() {
    let outbox = MemoryOutbox::new(2 * cost(10));
    let append = |payload: &'static str| outbox.append(event(1, payload));
    append("0123456789").await.unwrap();
    append("0123456789").await.unwrap();
    assert_eq!(append("x").await.unwrap_err().kind(), OutboxErrorKind::Full);

    let claimed = conformance::claim(&outbox, 1, NOW).await;
    outbox.acknowledge(claimed[0].claim).await.unwrap();
    append("x").await.unwrap();
}

#[tokio::test]
async fn gives_every_byte_back() {
    let outbox = MemoryOutbox::default();
    let intent = outbox.append(NewRecord { role: Role::Intent, ..event(1, "intent") }).await.unwrap();
    outbox.append(NewRecord { role: Role::Settles(intent), ..event(1, "a much longer outcome") }).await.unwrap();
    outbox.append(NewRecord { role: Role::Settles(intent), ..event(1, "twice") }).await.unwrap_err();
    outbox.append(event(2, "event")).await.unwrap();
    for claimed in conformance::claim(&outbox, 9, NOW).await {
        outbox.acknowledge(claimed.claim).await.unwrap();
    }
    assert_eq!(outbox.used(), 0);
}

#[tokio::test]
async fn dead_letters_count_towards_the_budget() {
    let outbox = MemoryOutbox::default();
    outbox.append(event(1, "poison")).await.unwrap();
    let claimed = conformance::claim(&outbox, 1, NOW).await;
    let reason = BurialReason { status: None, message: String::new(), at: NOW };
    outbox.bury(claimed[0].claim, reason, Some(event(1, "min"))).await.unwrap();
    assert_eq!(outbox.used(), cost(6) + cost(3));
}

#[test]
fn debug_shows_no_payload() {
    let outbox = MemoryOutbox::default();
    drop(outbox.append(event(1, "canary")));
    assert!(!format!("{outbox:?}").contains("canary"));
}

/// Something that is done to an outbox. `nth` picks among the claims that were made, settled ones included.
#[derive(Debug, Clone)]
enum Step {
    Append { lane: u64 },
    Intend { lane: u64 },
    SettleIntent { nth: usize },
    Claim { max: usize, waiting: u64 },
    Acknowledge { nth: usize },
    Reschedule { nth: usize, seconds: u64 },
    Bury { nth: usize, replace: bool },
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let lane = 0..3_u64;
    prop_oneof![
        4 => lane.clone().prop_map(|lane| Step::Append { lane }),
        1 => lane.clone().prop_map(|lane| Step::Intend { lane }),
        1 => (0..4_usize).prop_map(|nth| Step::SettleIntent { nth }),
        4 => (0..5_usize, lane).prop_map(|(max, waiting)| Step::Claim { max, waiting }),
        2 => (0..20_usize).prop_map(|nth| Step::Acknowledge { nth }),
        2 => (0..20_usize, 0..60_u64).prop_map(|(nth, seconds)| Step::Reschedule { nth, seconds }),
        1 => (0..20_usize, any::<bool>()).prop_map(|(nth, replace)| Step::Bury { nth, replace }),
        2 => (0..40_u64).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// The simplest thing that an outbox can be: a list that is searched from front to end.
#[derive(Default)]
struct Model {
    pending: BTreeMap<RecordId, Pending>,
    dead: usize,
    now: Timestamp,
    claims: Vec<Claimed>,
    intents: Vec<RecordId>,
    keys: HashMap<RecordId, IdempotencyKey>,
}

struct Pending {
    lane: Lane,
    /// `None` for an open intent.
    due: Option<Timestamp>,
    /// The claim that may settle it.
    claim: Option<ClaimId>,
    history: History,
}

impl Model {
    fn append(&mut self, id: RecordId, lane: Lane, due: Option<Timestamp>) {
        let record = Pending { lane, due, claim: None, history: History::default() };
        assert!(self.pending.insert(id, record).is_none(), "every record has an id of its own");
    }

    /// The records that a claim has to lend.
    fn due(&self, max: usize, waiting: &HashSet<Lane>) -> Vec<RecordId> {
        let due = |record: &Pending| record.due.is_some_and(|due| due <= self.now) && !waiting.contains(&record.lane);
        self.pending.iter().filter(|(_, record)| due(record)).map(|(id, _)| *id).take(max).collect()
    }

    fn holds(&self, claim: ClaimId) -> bool {
        self.pending.get(&claim.record).is_some_and(|record| record.claim == Some(claim))
    }

    fn lend(&mut self, lent: Vec<Claimed>, max: usize, waiting: &HashSet<Lane>) {
        let ids: Vec<_> = lent.iter().map(|claimed| claimed.claim.record).collect();
        assert_eq!(ids, self.due(max, waiting), "what is due, oldest first");
        for claimed in &lent {
            let record = self.pending.get_mut(&claimed.claim.record).unwrap();
            assert_eq!((claimed.lane, claimed.history), (record.lane, record.history));
            assert_eq!(*self.keys.entry(claimed.claim.record).or_insert(claimed.key), claimed.key, "one key for life");
            record.claim = Some(claimed.claim);
            record.due = Some(self.now.after(LEASE));
        }
        self.claims.extend(lent);
    }
}

async fn run(steps: Vec<Step>) {
    let outbox = MemoryOutbox::default();
    let mut model = Model { now: NOW, ..Model::default() };
    for step in steps {
        apply(step, &outbox, &mut model).await;
        let contents = outbox.inspect().await.unwrap();
        assert_eq!((contents.pending, contents.dead), (model.pending.len() as u64, model.dead as u64));
        let oldest = model.pending.values().any(|record| record.due.is_some());
        assert_eq!(contents.oldest.is_some(), oldest);
    }
}

async fn apply(step: Step, outbox: &MemoryOutbox, model: &mut Model) {
    match step {
        Step::Append { lane } => {
            let id = outbox.append(event(lane, "event")).await.unwrap();
            model.append(id, Lane(lane), Some(NOW));
        }
        Step::Intend { lane } => {
            let id = outbox.append(NewRecord { role: Role::Intent, ..event(lane, "intent") }).await.unwrap();
            model.append(id, Lane(lane), None);
            model.intents.push(id);
        }
        Step::SettleIntent { nth } => {
            let Some(intent) = model.intents.get(nth).copied() else { return };
            let open = model.pending.get(&intent).is_some_and(|record| record.due.is_none());
            let settled = outbox.append(NewRecord { role: Role::Settles(intent), ..event(7, "outcome") }).await;
            assert_eq!(settled.is_ok(), open, "once");
            if open {
                model.pending.remove(&intent);
                model.append(settled.unwrap(), Lane(7), Some(NOW));
            }
        }
        Step::Claim { max, waiting } => {
            let waiting = HashSet::from([Lane(waiting)]);
            let request = ClaimRequest { max, lease: LEASE, now: model.now, waiting_lanes: &waiting };
            let lent = outbox.claim(request).await.unwrap();
            model.lend(lent, max, &waiting);
        }
        Step::Acknowledge { nth } => {
            let Some(claim) = model.claims.get(nth).map(|claimed| claimed.claim) else { return };
            assert_eq!(outbox.acknowledge(claim).await.is_ok(), model.holds(claim));
            if model.holds(claim) {
                model.pending.remove(&claim.record);
            }
        }
        Step::Reschedule { nth, seconds } => {
            let Some(claim) = model.claims.get(nth).map(|claimed| claimed.claim) else { return };
            let due = model.now.after(std::time::Duration::from_secs(seconds));
            let history = History { attempts: nth as u32 + 1, first_ambiguous: Some(model.now), rekeyed: false };
            let holds = model.holds(claim);
            assert_eq!(outbox.reschedule(claim, Retry { due, history }).await.is_ok(), holds);
            if let Some(record) = model.pending.get_mut(&claim.record).filter(|_| holds) {
                (record.due, record.history, record.claim) = (Some(due), history, None);
            }
        }
        Step::Bury { nth, replace } => {
            let Some(claimed) = model.claims.get(nth) else { return };
            let (claim, lane) = (claimed.claim, claimed.lane);
            let reason = BurialReason { status: Some(400), message: "no".to_owned(), at: model.now };
            let before: HashSet<_> = model.pending.keys().copied().collect();
            let buried = outbox.bury(claim, reason, replace.then(|| event(lane.0, "minimal"))).await;
            assert_eq!(buried.is_ok(), model.holds(claim));
            if buried.is_ok() {
                model.pending.remove(&claim.record);
                model.dead += 1;
                if replace {
                    let newest = RecordId(outbox.intake().accepted);
                    assert!(!before.contains(&newest));
                    model.append(newest, lane, Some(NOW));
                }
            }
        }
        Step::Wait { seconds } => model.now = model.now.after(std::time::Duration::from_secs(seconds)),
    }
}

proptest! {
    /// Whatever is done in whatever order, it does what the simplest outbox does.
    #[test]
    fn agrees_with_a_model(steps in proptest::collection::vec(step(), 0..80)) {
        let runtime: Runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(steps));
    }
}
