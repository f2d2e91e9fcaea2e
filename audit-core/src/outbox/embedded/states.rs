//! What became of each record, in a byte: all that is held in memory of records that are not looked at yet, and what the
//! tables keep.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use super::format::{
    GROUP, Kind, PUT_OFF, Place, SECTOR, State, WAIT, decode_states, decode_wait, encode_states, encode_wait, group_at,
    wait_at,
};
use super::io::{DiskFile, Files, Name};
use crate::outbox::Retry;

/// The states of all segments' records.
#[derive(Debug, Default)]
pub(super) struct States {
    segments: HashMap<u16, Segment>,
    /// Groups that the tables do not tell yet, by file.
    unwritten: BTreeSet<(u16, u32)>,
    /// Waits that the tables do not tell yet.
    waits: BTreeMap<Place, Retry>,
    pending: u64,
    dead: u64,
}

#[derive(Debug)]
struct Segment {
    salt: u64,
    bytes: Vec<u8>,
    kept: u32,
    dead: u32,
}

fn group_of(ordinal: u32) -> u32 {
    ordinal / GROUP
}

impl States {
    /// Begins a segment.
    pub(super) fn begin(&mut self, file: u16, salt: u64) {
        self.found(file, salt, Vec::new());
    }

    /// Forgets a segment.
    pub(super) fn end(&mut self, file: u16) {
        self.segments.remove(&file);
        self.unwritten.retain(|(of, _)| *of != file);
        self.waits.retain(|place, _| place.file != file);
    }

    /// The salt of a segment.
    pub(super) fn salt(&self, file: u16) -> Option<u64> {
        self.segments.get(&file).map(|segment| segment.salt)
    }

    /// How many records there are in a segment.
    pub(super) fn len(&self, file: u16) -> u32 {
        self.segments.get(&file).map_or(0, |segment| u32::try_from(segment.bytes.len()).unwrap_or(u32::MAX))
    }

    /// Records, dead ones included, that keep a segment from being given up.
    pub(super) fn kept(&self, file: u16) -> u32 {
        self.segments.get(&file).map_or(0, |segment| segment.kept)
    }

    /// Pending records of a segment.
    pub(super) fn pending_in(&self, file: u16) -> u32 {
        self.segments.get(&file).map_or(0, |segment| segment.kept - segment.dead)
    }

    /// Whether a segment has dead letters.
    pub(super) fn has_dead(&self, file: u16) -> bool {
        self.segments.get(&file).is_some_and(|segment| segment.dead > 0)
    }

    pub(super) fn pending(&self) -> u64 {
        self.pending
    }

    pub(super) fn dead(&self) -> u64 {
        self.dead
    }

    /// Open intents of processes that are gone, as long as no other can be open.
    pub(super) fn intents(&self) -> u64 {
        let intent = State::Kept(Kind::Intent).encode();
        let all = self.segments.values().flat_map(|segment| &segment.bytes);
        all.filter(|byte| **byte & !PUT_OFF == intent).count() as u64
    }

    pub(super) fn get(&self, place: Place) -> Option<State> {
        State::decode(self.byte(place))
    }

    pub(super) fn is_pending(&self, place: Place) -> bool {
        matches!(self.get(place), Some(State::Kept(Kind::Event | Kind::Intent)))
    }

    pub(super) fn is_kept(&self, place: Place) -> bool {
        matches!(self.get(place), Some(State::Kept(_)))
    }

    fn byte(&self, Place { file, ordinal }: Place) -> u8 {
        self.segments.get(&file).and_then(|segment| segment.bytes.get(ordinal as usize)).copied().unwrap_or(0)
    }

    /// Adds the next record of a segment.
    pub(super) fn push(&mut self, file: u16, state: State) {
        if let Some(segment) = self.segments.get_mut(&file) {
            let ordinal = u32::try_from(segment.bytes.len()).unwrap_or(u32::MAX);
            segment.bytes.push(0);
            self.set(Place { file, ordinal }, state);
        }
    }

    /// Takes in a segment that was found, with what its table tells.
    pub(super) fn found(&mut self, file: u16, salt: u64, bytes: Vec<u8>) {
        let (mut pending, mut dead) = (0, 0);
        for byte in &bytes {
            match State::decode(*byte) {
                Some(State::Kept(Kind::Dead)) => dead += 1,
                Some(State::Kept(_)) => pending += 1,
                _ => {}
            }
        }
        self.pending += u64::from(pending);
        self.dead += u64::from(dead);
        self.segments.insert(file, Segment { salt, bytes, kept: pending + dead, dead });
    }

    pub(super) fn set(&mut self, place: Place, state: State) {
        let Some(segment) = self.segments.get_mut(&place.file) else { return };
        let Some(byte) = segment.bytes.get_mut(place.ordinal as usize) else { return };
        let before = State::decode(*byte);
        *byte = state.encode();
        for (of, sign) in [(before, -1), (Some(state), 1)] {
            let Some(State::Kept(kind)) = of else { continue };
            let dead = kind == Kind::Dead;
            segment.kept = segment.kept.wrapping_add_signed(sign);
            segment.dead = segment.dead.wrapping_add_signed(if dead { sign } else { 0 });
            let count = if dead { &mut self.dead } else { &mut self.pending };
            *count = count.wrapping_add_signed(sign.into());
        }
        self.unwritten.insert((place.file, group_of(place.ordinal)));
    }

    /// There is a newer version of the record, or it arrived.
    pub(super) fn gone(&mut self, place: Place) {
        if self.get(place).is_some() {
            self.set(place, State::Gone);
            self.waits.remove(&place);
        }
    }

    /// Pending records turned out to be damaged. They keep their segment, but are not waited for.
    pub(super) fn give_up(&mut self, records: u32) {
        self.pending = self.pending.saturating_sub(records.into());
    }

    /// The record is put off.
    pub(super) fn put_off(&mut self, place: Place, retry: Retry) {
        let segment = self.segments.get_mut(&place.file);
        if let Some(byte) = segment.and_then(|segment| segment.bytes.get_mut(place.ordinal as usize)) {
            *byte |= PUT_OFF;
            self.unwritten.insert((place.file, group_of(place.ordinal)));
            self.waits.insert(place, retry);
        }
    }

    /// Until when the record was put off, if it was.
    pub(super) fn wait(&self, files: &Files, place: Place) -> io::Result<Option<Retry>> {
        if self.byte(place) & PUT_OFF == 0 {
            return Ok(None);
        }
        if let Some(retry) = self.waits.get(&place) {
            return Ok(Some(*retry));
        }
        let Some(salt) = self.salt(place.file) else { return Ok(None) };
        let mut bytes = [0; WAIT];
        files.get(Name::Table(place.file))?.read_at(&mut bytes, wait_at(place.ordinal))?;
        Ok(decode_wait(&bytes, place.ordinal, salt))
    }

    /// The tables do not tell everything.
    pub(super) fn is_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Brings the tables up to date, and names those that were written to in `touched`.
    pub(super) fn write(&mut self, files: &Files, touched: &mut impl Extend<u16>) -> io::Result<()> {
        while let Some((place, retry)) = self.waits.first_key_value() {
            if let Some(salt) = self.salt(place.file) {
                let wait = encode_wait(retry, place.ordinal, salt);
                touched.extend([place.file]);
                files.create(Name::Table(place.file))?.write_at(&wait, wait_at(place.ordinal))?;
            }
            self.waits.pop_first();
        }
        while let Some(&(file, group)) = self.unwritten.first() {
            if let Some(segment) = self.segments.get(&file) {
                let from = (group * GROUP) as usize;
                let states = segment.bytes.get(from..).unwrap_or_default();
                let sector = encode_states(group, &states[..states.len().min(GROUP as usize)], segment.salt);
                touched.extend([file]);
                files.create(Name::Table(file))?.write_at(&sector, group_at(group))?;
            }
            self.unwritten.pop_first();
        }
        Ok(())
    }
}

/// The states that a table tells: a byte for each record up to the last one that it knows, 0 where it tells nothing.
pub(super) fn read_states(table: &dyn DiskFile, salt: u64) -> io::Result<Vec<u8>> {
    let mut states = Vec::new();
    let len = table.len()?;
    for group in (0..).take_while(|group| group_at(*group) < len) {
        let mut sector = [0; SECTOR as usize];
        let read = table.read_at(&mut sector, group_at(group))?;
        match decode_states(group, &sector[..read], salt) {
            Some(told) => states.extend_from_slice(told),
            None => states.resize(states.len() + GROUP as usize, 0),
        }
    }
    let known = states.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    states.truncate(known);
    Ok(states)
}
