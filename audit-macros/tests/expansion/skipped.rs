fn health() -> u8 {
    ::audited::__private::skipped("changes nothing");
    1
}
