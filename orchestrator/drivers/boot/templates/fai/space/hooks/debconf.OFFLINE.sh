# nothing is configured anew, so no questions are answered
skiptask debconf
