//! The power fails: at every step of a script, in every state that the sectors which were not synced may be left in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::super::log::{Limits, Log};
use super::disk::{ModelDisk, Unsynced};
use super::kill::tell;
use super::rig::{Random, Rig, SMALL, Truth, files, held};
use crate::outbox::Role;

/// The choices of one crash: all of them where they are few, else the extremes and a sample.
fn crashes(choices: &[usize], most: usize, random: &mut Random) -> Vec<Vec<usize>> {
    let all = choices.iter().try_fold(1usize, |product, choice| product.checked_mul(*choice)).unwrap_or(usize::MAX);
    if all <= most {
        let nth = |mut n: usize| {
            let digits = choices.iter().map(|choice| {
                let digit = n % choice;
                n /= choice;
                digit
            });
            digits.collect()
        };
        return (0..all).map(nth).collect();
    }
    let none = vec![0; choices.len()];
    let newest: Vec<usize> = choices.iter().map(|choice| choice - 1).collect();
    let mut crashes = vec![none, newest];
    crashes.resize_with(most, || choices.iter().map(|choice| random.below(*choice)).collect());
    crashes
}

/// With the other two tests here, a hundred thousand states.
const SEEDS: u64 = 24;

#[derive(Default)]
struct Counts {
    states: usize,
    recoveries: usize,
    double: usize,
}

impl Counts {
    fn tell(&self) {
        let Self { states, recoveries, double } = self;
        tell(&format!(
            "{states} states after a crash, {double} after a crash in one of {recoveries} recoveries: 0 lost"
        ));
    }
}

/// Crashes a finished script at each of its steps.
fn crash_everywhere(rig: &Rig, limits: Limits, most: usize, random: &mut Random, counts: &mut Counts) {
    let mut unsynced = Unsynced::default();
    let mut marks = rig.marks.iter().peekable();
    let mut truth = Truth::default();
    let trace = rig.disk.trace();
    for step in 0..=trace.len() {
        while let Some((_, next)) = marks.next_if(|(from, _)| *from <= step) {
            truth = next.clone();
        }
        for chosen in crashes(&unsynced.choices(), most, random) {
            let disk = ModelDisk::with(unsynced.crash(&chosen));
            counts.states += 1;
            if let Err(complaint) = truth.check(&held(&disk).fates) {
                panic!("after {:?} of {step}, choice {chosen:?}: {complaint}", trace.get(step.wrapping_sub(1)));
            }
            if random.below(16) == 0 {
                counts.recoveries += 1;
                crash_recovery(disk, limits, &truth, random, counts);
            }
        }
        if let Some(event) = trace.get(step) {
            unsynced.apply(event);
        }
    }
}

/// Recovers, crashes while doing that, and recovers again; then goes on working.
fn crash_recovery(disk: ModelDisk, limits: Limits, truth: &Truth, random: &mut Random, counts: &mut Counts) {
    let mut unsynced = Unsynced::from_files(&disk.files());
    let before = held(&disk).fates;
    // By its own process, or by another.
    let open = if random.below(4) == 0 { Log::visit } else { Log::open };
    drop(open(0, limits, files(&disk)).unwrap());
    let trace = disk.trace();
    for step in 0..=trace.len() {
        for chosen in crashes(&unsynced.choices(), 2, random) {
            counts.double += 1;
            let again = held(&ModelDisk::with(unsynced.crash(&chosen))).fates;
            truth.check(&again).unwrap_or_else(|complaint| panic!("recovery, step {step}: {complaint}"));
            assert_eq!(again, before, "a recovery changes nothing");
        }
        if let Some(event) = trace.get(step) {
            unsynced.apply(event);
        }
    }
    let mut rig = Rig::on(disk, limits);
    assert!(rig.append(1, 20, Role::Event)[0].is_ok());
    assert_eq!(held(&rig.disk).fates.len(), before.len() + 1);
}

#[test]
fn what_a_newer_version_replaced_does_not_come_back_when_that_one_is_gone() {
    let mut random = Random(5);
    let mut rig = Rig::on(ModelDisk::default(), SMALL);
    let intent = rig.append(1, 30, Role::Intent).remove(0).unwrap();
    rig.append(1, 30, Role::Event);
    // It keeps the intent's segment alive.
    let stays = rig.claim(1).remove(0);
    rig.reschedule(&stays, 100_000).unwrap();
    let fill = |rig: &mut Rig| {
        let before = rig.log.next_sequence;
        while rig.log.next_sequence == before {
            rig.append(1, 300, Role::Event);
        }
    };
    fill(&mut rig);
    rig.append(1, 30, Role::Settles(intent)).remove(0).unwrap();
    fill(&mut rig);
    for claimed in rig.claim(99) {
        rig.acknowledge(&claimed).unwrap();
    }
    rig.tidy();
    // The segment that the intent was settled in is given up, and used for something else.
    fill(&mut rig);
    fill(&mut rig);
    let mut counts = Counts::default();
    crash_everywhere(&rig, SMALL, 64, &mut random, &mut counts);
    counts.tell();
}

#[test]
fn what_is_moved_out_of_an_old_segment_is_in_one_place_at_least_and_counts_once() {
    let mut random = Random(17);
    let mut rig = Rig::on(ModelDisk::default(), SMALL);
    rig.append(1, 30, Role::Intent).remove(0).unwrap();
    rig.append(2, 30, Role::Event);
    let claimed = rig.claim(2);
    rig.bury(&claimed[0], false).unwrap();
    rig.reschedule(&claimed[1], 100_000).unwrap();
    for round in 0..100 {
        rig.append(2, 200, Role::Event);
        for (number, claimed) in rig.claim(9).into_iter().enumerate() {
            // One of each segment stays.
            match (round % 5, number) {
                (0, 0) => rig.reschedule(&claimed, 100_000).unwrap(),
                _ => rig.acknowledge(&claimed).unwrap(),
            };
        }
        rig.tidy();
    }
    assert!(rig.log.segments.len() < 18, "{} segments, one for each record that stays", rig.log.segments.len());
    let mut counts = Counts::default();
    crash_everywhere(&rig, SMALL, 6, &mut random, &mut counts);
    counts.tell();
}

/// `AUDITED_CRASH_SEEDS` scripts, of which each is crashed into some 4,200 states.
#[test]
fn nothing_acknowledged_is_lost_whatever_was_not_synced() {
    let seeds = std::env::var("AUDITED_CRASH_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let next = AtomicU64::new(1);
    let crash_some = || {
        let mut counts = Counts::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds {
                return counts;
            }
            let mut random = Random(seed * 7919);
            let mut rig = Rig::on(ModelDisk::default(), SMALL);
            // Half of them with a second thread, whose calls fall between those of the script.
            rig.log.sends_errands = seed.is_multiple_of(2);
            rig.run(60, &mut random);
            // As it is at one moment: the other thread may still be at work.
            let found = rig.truth.check(&held(&ModelDisk::with(rig.disk.files())).fates);
            found.unwrap_or_else(|complaint| panic!("seed {seed}: {complaint}"));
            crash_everywhere(&rig, SMALL, 24, &mut random, &mut counts);
        }
    };
    let counts: Vec<Counts> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(crash_some)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let sum = |of: fn(&Counts) -> usize| counts.iter().map(of).sum::<usize>();
    let sum = Counts { states: sum(|it| it.states), recoveries: sum(|it| it.recoveries), double: sum(|it| it.double) };
    sum.tell();
    assert!(sum.states + sum.double >= 3_900 * seeds as usize);
}
