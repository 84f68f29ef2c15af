#!/usr/bin/env node
import '@linnet/converter/cli';
