"""BMCs found in a network: by RMCP, and by Redfish."""
