-- What a node is suspected of: `work` (only a person brings it back), or `bmc` (it comes back when
-- its BMC answers again).
alter table nodes add column cause text not null default 'work';
alter table marks add column cause text not null default 'work';
