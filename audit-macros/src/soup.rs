//! Random words and characters in the macros, at every run of the tests.

use crate::fuzz::attribute;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % limit
    }

    fn byte(&mut self, from: usize, below: usize) -> u8 {
        u8::try_from(from + self.below(below - from)).unwrap_or_default()
    }
}

#[test]
fn whatever_is_written_becomes_code_or_errors() {
    let mut random = Random(4711);
    for _ in 0..1_000 {
        // Words, and now and then a character.
        let mut soup: Vec<u8> = (0..=random.below(14)).map(|_| random.byte(128, 256)).collect();
        if random.below(4) == 0 {
            let at = random.below(soup.len());
            soup[at] = random.byte(0, 128);
        }
        attribute(&soup);
    }
}

/// What begins right and then goes wrong gets further than what is wrong from the start.
#[test]
fn what_is_made_of_something_right_becomes_code_or_errors() {
    let right: [&[u8]; 5] = [
        b"action = \"invoice.paid\", target(type = \"invoice\", id = x.id, name = ?x), metadata(items: number = x.len(), raw = %x)",
        b"action = \"a.b\", actor = user, organization = user.org_id, targets(x), body(x: amount, iban = hash, memo = mask(last = 4))",
        b"ok(Json(receipt) => targets(receipt)), err(e => metadata(reason = %e)), on(ok, err), durability = strict, version = 2",
        b"type = \"user\", name = \"{id} of {name}\", organization, metadata = \"tier\", mask(last = 4), flatten",
        b"skip = \"why\"\npub async fn pay<T: Into<u64>>(&self, State(app): State<App>, mut x: T) -> impl IntoResponse { x.into()? }",
    ];
    let mut random = Random(1147);
    for seed in right {
        attribute(seed);
        for _ in 0..200 {
            let mut bytes = seed.to_vec();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 if bytes.len() > 1 => drop(bytes.remove(at)),
                    1 => bytes.insert(at, random.byte(128, 256)),
                    2 => bytes[at] = random.byte(32, 127),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            attribute(&bytes);
        }
    }
}
