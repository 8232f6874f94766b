// The page of one log.

import { follow } from "./logs.js";

follow();
