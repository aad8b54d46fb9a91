/** What runs once parses once: parsers that compile themselves cost more than they save. Before any schema is made. */
import { config } from 'zod';

config({ jitless: true });
