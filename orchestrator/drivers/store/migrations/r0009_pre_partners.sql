-- Orders of partners that come to us, laid out for them, and what they brought.
create table deliveries (
    key text primary key,
    partner text not null,
    laid_out_at text not null,
    -- when the partner last said that it works on it, and which of its workers
    taken_at text,
    taken_by text,
    over integer not null default 0,
    value text not null
);
create index deliveries_of_partner on deliveries (partner, laid_out_at) where over = 0;

-- Who may speak to us; `digest` is of what they must know.
create table tokens (
    id text primary key,
    digest text not null,
    created_at text not null,
    expires_at text not null,
    revoked_at text,
    used_at text,
    -- what signs the results that are brought under it
    public_key text not null default '',
    value text not null
);

-- Builds that Jenkins clients asked for.
create table items (
    run integer primary key references runs (id),
    job text not null,
    value text not null
);
create index items_of_job on items (job, run);

-- Jobs that Jenkins clients described.
create table jobs (
    name text primary key,
    xml text not null
);
