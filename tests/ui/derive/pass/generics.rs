//! Bounds come only from what is captured.

use audited::{AuditActor, AuditTarget, TargetWriter};

struct Opaque;

#[derive(AuditTarget)]
struct Model<'a, I, M, U, const N: usize>
where
    U: Clone,
{
    id: &'a I,
    #[audit(metadata)]
    more: Option<M>,
    untold: [U; N],
}

#[derive(AuditTarget)]
#[audit(transparent)]
struct Wrapper<T: ?Sized>(Box<T>);

#[derive(AuditTarget)]
#[audit(name = "{shown}")]
struct Named<T> {
    id: u8,
    shown: T,
}

#[derive(AuditTarget)]
struct Typed<N, H> {
    id: u8,
    #[audit(number)]
    size: Option<N>,
    #[audit(string, hash)]
    hidden: H,
}

#[derive(AuditActor)]
struct Session<A = u8> {
    id: u8,
    #[audit(impersonated_by)]
    by: A,
}

#[derive(AuditActor)]
struct Admin {
    id: u8,
}

fn is_target<T: AuditTarget>() {}
fn is_actor<T: AuditActor>() {}

trait Later {
    fn describe_later(&self, target: &mut TargetWriter<'_>);
}

impl<I: serde::Serialize, M: serde::Serialize> Later for Model<'_, I, M, (), 2> {
    fn describe_later(&self, target: &mut TargetWriter<'_>) {
        self.describe(target);
    }
}

fn main() {
    is_target::<Model<'static, u8, String, (), 2>>();
    is_target::<Wrapper<Named<char>>>();
    is_target::<Typed<u64, bool>>();
    is_actor::<Session<Admin>>();
    let _ = Opaque;
}
