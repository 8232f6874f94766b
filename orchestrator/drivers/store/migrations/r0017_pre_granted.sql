-- The page of all machines draws who had them lately.
create index attempts_granted on attempts (granted_at) where granted_at is not null;
