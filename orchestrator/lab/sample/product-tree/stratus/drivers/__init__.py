"""One module per hypervisor: writes a guest's definition in the hypervisor's own language."""
