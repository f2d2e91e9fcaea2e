//! The index beside a model that is too simple to be wrong.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::super::format::{Kind, Summary, Tie};
use super::super::index::Index;
use crate::outbox::{History, Lane, Retry, Timestamp};

#[derive(Debug, Clone)]
enum Step {
    Insert { lane: u64 },
    Claim { max: usize, lease: u64, waiting: Vec<u64> },
    Acknowledge(usize),
    Reschedule { claim: usize, wait: u64 },
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6u64).prop_map(|lane| Step::Insert { lane }),
        3 => (1..5usize, 1..50u64, prop::collection::vec(0..6u64, 0..4))
            .prop_map(|(max, lease, waiting)| Step::Claim { max, lease, waiting }),
        3 => any::<usize>().prop_map(Step::Acknowledge),
        2 => (any::<usize>(), 0..80u64).prop_map(|(claim, wait)| Step::Reschedule { claim, wait }),
        1 => (0..60u64).prop_map(Step::Pass),
    ]
}

/// A pending record of the model.
#[derive(Debug, Clone)]
struct Pending {
    lane: u64,
    due: u64,
    lent: Option<(u64, u64)>,
}

/// Lanes of which some share a queue.
fn lane(number: u64) -> u64 {
    [1, 234, 611, 3, 4, 5][number as usize]
}

fn summary(id: u64, lane: u64) -> Summary {
    let ordinal = u32::try_from(id).unwrap() - 1;
    let (kind, tie, accepted_at) = (Kind::Event, Tie::None, Timestamp(0));
    Summary { id, lane, offset: 4096 + ordinal * 8, ordinal, kind, tie, replaces: None, accepted_at }
}

proptest! {
    #[test]
    fn the_index_lends_what_a_simple_model_would_lend(steps in prop::collection::vec(step(), 1..120)) {
        let mut index = Index::new(usize::MAX);
        index.begin(1, 7);
        let mut model: BTreeMap<u64, Pending> = BTreeMap::new();
        let mut claims: Vec<(u64, u64)> = Vec::new();
        let (mut now, mut next) = (1_000, 1);
        for step in steps {
            match step {
                Step::Insert { lane: number } => {
                    index.insert(1, &summary(next, lane(number)));
                    model.insert(next, Pending { lane: lane(number), due: 0, lent: None });
                    next += 1;
                }
                Step::Pass(time) => now += time,
                Step::Claim { max, lease, waiting } => {
                    let waiting: HashSet<u64> = waiting.into_iter().map(lane).collect();
                    let free = |record: &Pending| record.lent.is_none_or(|(_, until)| until <= now) && record.due <= now;
                    let expected: Vec<u64> = model
                        .iter()
                        .filter(|(_, record)| free(record) && !waiting.contains(&record.lane))
                        .map(|(id, _)| *id)
                        .take(max)
                        .collect();
                    let waiting = waiting.into_iter().map(Lane).collect();
                    let picked = index.pick(max, &waiting, Timestamp(now));
                    prop_assert_eq!(picked.iter().map(|picked| picked.id).collect::<Vec<_>>(), expected);
                    for mut pick in picked {
                        let record = model.get_mut(&pick.id).unwrap();
                        record.lent = Some((pick.fence, now + lease));
                        claims.push((pick.id, pick.fence));
                        let summary = summary(pick.id, record.lane);
                        prop_assert!(index.lend(&mut pick, Timestamp(now + lease), &summary));
                    }
                }
                Step::Acknowledge(claim) if !claims.is_empty() => {
                    let (id, fence) = claims[claim % claims.len()];
                    let holds = model.get(&id).is_some_and(|record| record.lent.is_some_and(|lent| lent.0 == fence));
                    prop_assert_eq!(index.acknowledge(id, fence).is_ok(), holds);
                    if holds {
                        model.remove(&id);
                    }
                }
                Step::Reschedule { claim, wait } if !claims.is_empty() => {
                    let (id, fence) = claims[claim % claims.len()];
                    let holds = model.get(&id).is_some_and(|record| record.lent.is_some_and(|lent| lent.0 == fence));
                    let due = now + wait;
                    let result = index.reschedule(id, fence, Retry { due: Timestamp(due), history: History::default() });
                    prop_assert_eq!(result.is_ok(), holds);
                    if let Some(record) = model.get_mut(&id).filter(|_| holds) {
                        (record.due, record.lent) = (due, None);
                    }
                }
                Step::Acknowledge(_) | Step::Reschedule { .. } => {}
            }
            prop_assert_eq!(index.states.pending(), model.len() as u64);
        }
    }
}
