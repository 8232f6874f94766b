-- What a machine was found to be after an install of an image: first, since a person trusted it,
-- and last. Pairs of a fact's name and its value, as JSON.
create table attestations (
    node text not null references nodes (name),
    image text not null,
    facts text not null,
    recorded_at text not null,
    newest text not null,
    newest_at text not null,
    primary key (node, image)
);
