fn pay(invoice: Invoice) -> u64 {
    invoice.id
}
::core::compile_error! {
    "there is no key `acton`: did you mean `action`?"
}
::core::compile_error! {
    "WorkOS refuses an event without a target: what was it done to? Write `targets(invoice)` for what derives `AuditTarget`, or `target(type = \"…\", id = invoice)`"
}
